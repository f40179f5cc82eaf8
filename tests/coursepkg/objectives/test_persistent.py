"""Stochastic maximum likelihood: its gradient, its chains, and what it converges to."""

from typing import NamedTuple

import pytest
import torch

from coursepkg.data.toy import IsotropicMixture
from coursepkg.models.energy import GaussianEnergy
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.gibbs import BlockGibbs
from coursepkg.models.rbm.learning import PersistentChains, gradient
from coursepkg.objectives.exact import ExactLikelihood
from coursepkg.objectives.noise import IndependentBernoulli
from coursepkg.objectives.persistent import StochasticMaximumLikelihood
from coursepkg.objectives.pseudo import BinaryConditional
from coursepkg.rng import seeded
from coursepkg.samplers.gibbs import SystematicGibbs
from coursepkg.samplers.langevin import MALA
from tests.coursepkg.objectives.laws import (
    SPACE,
    Pairs,
    gradients,
    probabilities,
)

FLAT = IndependentBernoulli(torch.full((4,), 0.5))
FLAT_6 = IndependentBernoulli(torch.full((6,), 0.5))
ORIGIN = IsotropicMixture(torch.zeros(1, 2), torch.ones(1))


class Position(NamedTuple):
    x: torch.Tensor


class Shift:
    """A kernel that adds one, so that one sees who moved, and how often."""

    def __init__(self, log_density):
        self.log_density = log_density

    def init(self, x):
        return Position(x.clone())

    def step(self, state, *, generator):
        return Position(state.x + 1), None


def gibbs(log_density):
    return SystematicGibbs(BinaryConditional(log_density))


def sml(model, kernel=gibbs, start=FLAT, **settings):
    settings = {"buffer": 16, "generator": seeded(3), **settings}
    return StochasticMaximumLikelihood(model, kernel, start, **settings)


@pytest.mark.equation("sml-update")
def test_gradient_is_that_of_the_likelihood_if_the_chains_are_exact(generator):
    """Chains that stand on the model's own law give the exact gradient. Kills: sign, sum."""

    class Exact(Pairs):
        """Its probabilities are multiples of 1/20."""

        def __init__(self):
            super().__init__()
            with torch.no_grad():
                self.R.zero_()
                self.b.copy_(torch.tensor([0.25, 1.0, 1.5, 4.0]).log())

    model = Exact()
    counts = (500 * probabilities(model)).round().long()
    torch.testing.assert_close(counts / 500, probabilities(model))
    objective = sml(model, buffer=500)
    objective.x.copy_(SPACE.repeat_interleave(counts, 0))
    objective.eval()
    x = SPACE[:7]
    got = gradients(objective.loss(x, generator=generator).mean(), model)
    loss = ExactLikelihood(model).loss(x, generator=generator).mean()
    for mine, exact in zip(got, gradients(loss, model), strict=True):
        torch.testing.assert_close(mine, exact)


@pytest.mark.equation("rbm-pcd")
def test_a_machine_that_writes_out_the_gradient_gets_the_same(generator):
    """`PersistentChains` of the same rows, without autograd. Kills: in either, a sign, a lost mean.

    Two homes of one idea, held together here: docs/decisions/014.
    """
    rbm = RBM(6, 3, scale=1.0, generator=generator)
    x = FLAT_6.sample(7, generator=generator)
    negative = PersistentChains(20)
    written_out = gradient(rbm, x, negative, generator=generator)
    objective = sml(rbm, lambda _: BlockGibbs(rbm), start=FLAT_6, buffer=20)
    objective.x.copy_(negative.v)
    got = gradients(objective.eval().loss(x, generator=generator).mean(), rbm)
    for autograd, ours in zip(got, written_out, strict=True):
        torch.testing.assert_close(autograd, -ours)
    assert written_out.W.abs().max() > 0.01


@pytest.mark.equation("sml-update")
@pytest.mark.parametrize("chains", [16, 5])
def test_the_loss_compares_data_with_the_chains_where_they_are_now(chains, generator):
    """Kills: chains of the last call, chains that restart, a mean over the whole buffer."""
    model = GaussianEnergy(2, generator=generator)
    objective = sml(model, Shift, ORIGIN, chains=chains, steps=3)
    x = torch.randn(5, 2, generator=generator)
    for _ in range(2):
        before = objective.x.clone()
        loss = objective.loss(x, generator=generator)
        moved = (objective.x != before).any(1)
        there = before[moved] + 3
        assert len(there) == chains
        torch.testing.assert_close(objective.x[moved], there)
        torch.testing.assert_close(loss, model.free_energy(x) - model.free_energy(there).mean())


def test_a_few_rows_of_the_buffer_move_at_a_time(generator):
    objective = sml(GaussianEnergy(2, generator=generator), Shift, ORIGIN, buffer=10, chains=4)
    before, moved = objective.x.clone(), torch.zeros(10, dtype=torch.bool)
    for _ in range(40):
        last = objective.x.clone()
        now = objective.move(generator=generator)
        rows = (objective.x != last).any(1)
        assert rows.sum() == len(now) == 4
        torch.testing.assert_close(objective.x[rows] - last[rows], torch.ones(4, 2))
        moved |= rows
    assert moved.all(), "some row was never chosen"  # misses: 10 · 0.6^40 = 1e-8
    torch.testing.assert_close((objective.x - before)[:, 0].sum(), torch.tensor(160.0))


def test_fresh_rows_start_again(generator):
    """All of them at 1, none at 0, half at ½ (within 5 standard deviations: 6e-7)."""
    for fresh, low, high in ((0.0, 0, 0), (1.0, 400, 400), (0.5, 150, 250)):
        objective = sml(GaussianEnergy(2, generator=generator), Shift, ORIGIN, buffer=400,
                        fresh=fresh)  # fmt: skip
        objective.x.fill_(1000)
        objective.move(generator=generator)
        assert low <= int((objective.x < 900).any(1).sum()) <= high


def test_validation_moves_nothing_and_the_buffer_is_saved(generator):
    objective = sml(Pairs())
    before, x = objective.x.clone(), SPACE[:3]
    losses = [objective.eval().loss(x, generator=generator) for _ in range(2)]
    assert torch.equal(*losses)
    assert torch.equal(objective.x, before)
    objective.train().loss(x, generator=generator)
    assert not torch.equal(objective.x, before)
    other = sml(Pairs(seed=1), generator=seeded(9))
    other.load_state_dict(objective.state_dict())
    assert torch.equal(other.x, objective.x)


@pytest.mark.equation("sml-update")
def test_the_kernel_sees_the_present_weights(generator):
    """Kills: a density that was frozen when the objective was made."""
    model = Pairs()
    objective = sml(model, buffer=2000, steps=5)
    with torch.no_grad():
        model.R.zero_()
        model.b.copy_(torch.tensor([40.0, -40.0, 40.0, -40.0]))
    assert objective.move(generator=generator).mean(0).tolist() == [1, 0, 1, 0]


def trained(objective, x, *, steps, lr, weight):
    """Gradient steps whose size falls as 1/t in the end; the mean over the last half."""
    parameters, path = list(objective.model.parameters()), []
    noise = seeded(11)
    optimizer = torch.optim.SGD(parameters, lr=lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + t / 100))
    for _ in range(steps):
        optimizer.zero_grad()
        (weight @ objective.loss(x, generator=noise)).backward()
        optimizer.step()
        schedule.step()
        path.append([p.detach().clone() for p in parameters])
    return [torch.stack(p).mean(0) for p in zip(*path[steps // 2 :], strict=True)]


@pytest.mark.slow
@pytest.mark.equation("sml-update")
def test_recovers_the_binary_law_of_the_population():
    """Kills: a gradient of the wrong sign, chains that stand still."""
    truth, learner = Pairs(seed=0, scale=0.6), Pairs(seed=7, scale=0.1)
    start = [p.detach().clone() for p in learner.parameters()]
    mean = trained(sml(learner, buffer=1000), SPACE, steps=600, lr=1.0, weight=probabilities(truth))
    for p, q, first in zip(mean, truth.parameters(), start, strict=True):
        assert (first - q).abs().max() > 0.5, "vacuous"
        torch.testing.assert_close(p.triu(1) if p.ndim == 2 else p, q.detach(), rtol=0, atol=0.15)


@pytest.mark.slow
@pytest.mark.equation("sml-update")
def test_recovers_the_maximum_likelihood_of_a_gaussian():
    """With another kernel, on real numbers: the closed form of the data's mean and covariance."""
    x = torch.randn(500, 2, generator=seeded(1)) @ torch.tensor([[1.0, 0.5], [0.0, 0.8]]) + 1
    model = GaussianEnergy(2, generator=seeded(2))
    objective = sml(model, lambda f: MALA(f, step_size=0.3), ORIGIN, buffer=1000)
    mean, factor = trained(objective, x, steps=400, lr=0.2, weight=torch.full((500,), 1 / 500))
    torch.testing.assert_close(mean, x.mean(0), rtol=0, atol=0.1)
    L = factor.tril()
    torch.testing.assert_close(L @ L.T, torch.linalg.inv(x.T.cov(correction=0)), rtol=0, atol=0.2)


@pytest.mark.parametrize(
    "settings",
    [{"chains": 17}, {"chains": 0}, {"buffer": 0}, {"steps": 0}, {"fresh": 1.5}, {"fresh": -0.1}],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match=r"expected 1 <= chains <= buffer.*got"):
        sml(Pairs(), **settings)
