"""Noise-contrastive estimation, with every pair of data and noise counted as often as it occurs."""

import math

import pytest
import torch
from torch import nn

from coursepkg.objectives.noise import IndependentBernoulli, NoiseContrastive
from coursepkg.rng import seeded
from coursepkg.samplers.bridge import optimal_bridge
from tests.coursepkg.objectives.laws import (
    SPACE,
    Pairs,
    minimise,
    pairs,
    probabilities,
)
from tests.statistics import assert_probs

NOISE = IndependentBernoulli(torch.tensor([0.3, 0.5, 0.6, 0.8]))


class Scripted:
    """Noise that draws what it is told, and whose density is that of another law."""

    def __init__(self, draws, law=NOISE):
        self.draws, self.log_prob = draws, law.log_prob

    def sample(self, n, *, generator):
        assert n == len(self.draws)
        return self.draws


@pytest.mark.equation("nce-objective")
@pytest.mark.parametrize("ratio", [1, 3])
def test_loss_is_the_logistic_loss_of_data_against_noise(ratio, generator):
    """A slow loop with posterior probabilities. Kills: log ν lost or of the wrong sign."""
    model = Pairs()
    y = SPACE[torch.randint(16, (16 * ratio,), generator=generator)]
    objective = NoiseContrastive(model, Scripted(y), ratio=ratio, log_Z=1.7)
    loss = objective.loss(SPACE, generator=generator)

    def odds(x):
        """P(data | x) : P(noise | x), when noise is `ratio` times as frequent."""
        p = (-model.free_energy(x[None]) - 1.7).exp()
        return (p / (ratio * NOISE.log_prob(x[None]).exp())).item()

    for s, x in enumerate(SPACE):
        data = odds(x) / (1 + odds(x))
        noise = [1 / (1 + odds(v)) for v in y[s * ratio : (s + 1) * ratio]]
        assert loss[s].item() == pytest.approx(-math.log(data) - sum(map(math.log, noise)))


@pytest.mark.equation("nce-objective")
def test_recovers_the_parameters_and_log_z_of_the_population():
    """All 256 pairs (x, y) with their probabilities: the minimum is the truth, log Z and all."""
    truth = Pairs(seed=0)
    x, y = SPACE.repeat_interleave(16, 0), SPACE.repeat(16, 1)
    weight = probabilities(truth).repeat_interleave(16) * NOISE.log_prob(SPACE).exp().repeat(16)
    objective = NoiseContrastive(Pairs(seed=7, scale=0.5), Scripted(y))
    minimise(lambda: weight @ objective.loss(x, generator=seeded(0)), objective)
    for p, q in pairs(objective.model, truth):
        torch.testing.assert_close(p, q, rtol=0, atol=2e-4)
    assert objective.log_Z.item() == pytest.approx(truth.log_z().item(), abs=2e-4)


@pytest.mark.equation("nce-objective")
@pytest.mark.equation("bridge-optimal")
def test_with_the_weights_known_it_is_optimal_bridge_sampling(generator):
    """Only log Z is free: the two methods solve the same equation."""
    model, ratio = Pairs(), 3
    x = SPACE[torch.multinomial(probabilities(model), 50, replacement=True, generator=generator)]
    y = NOISE.sample(150, generator=generator)
    l_p, l_q = (-(model.free_energy(v) + NOISE.log_prob(v)).detach() for v in (x, y))
    bridged = optimal_bridge(l_p, l_q).value
    objective = NoiseContrastive(model, Scripted(y), ratio=ratio, log_Z=bridged)
    loss = objective.loss(x, generator=generator).mean()
    (slope,) = torch.autograd.grad(loss, objective.log_Z)
    assert abs(slope.item()) < 1e-9


def test_noise_is_drawn_from_the_generator_and_never_trained():
    """A law with parameters of its own keeps them."""

    class Trainable(nn.Module):
        def __init__(self):
            super().__init__()
            self.probs = nn.Parameter(NOISE.probs.clone())

        def sample(self, n, *, generator):
            return IndependentBernoulli(self.probs.detach()).sample(n, generator=generator)

        def log_prob(self, x):
            return IndependentBernoulli(self.probs).log_prob(x)

    objective = NoiseContrastive(Pairs(), Trainable())
    first, again, other = (objective.loss(SPACE, generator=seeded(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    first.mean().backward()
    assert objective.noise.probs.grad is None
    assert objective.log_Z.grad.abs() > 0
    assert "log_Z" in objective.state_dict()


def test_noise_that_cannot_make_the_data_is_refused(generator):
    never = IndependentBernoulli(torch.tensor([0.3, 0.0, 0.6, 0.8]))
    objective = NoiseContrastive(Pairs(), never)
    with pytest.raises(ValueError, match=r"noise: expected a finite.*got -inf at 8 of 16"):
        objective.loss(SPACE, generator=generator)
    x = SPACE[SPACE[:, 1] == 0]
    assert objective.loss(x, generator=generator).isfinite().all()


@pytest.mark.parametrize("arguments", [{"ratio": 0}, {"log_Z": math.inf}, {"log_Z": math.nan}])
def test_impossible_settings_are_refused(arguments):
    with pytest.raises(ValueError, match=r"expected ratio >= 1.*got"):
        NoiseContrastive(Pairs(), NOISE, **arguments)


def test_bernoulli_density_and_draws_agree(generator):
    """Kills: probabilities of 0 and 1 exchanged; 0 · log 0."""
    log_p = NOISE.log_prob(SPACE)
    assert log_p.exp().sum().item() == pytest.approx(1)
    assert log_p[5].exp().item() == pytest.approx(0.7 * 0.5 * 0.4 * 0.8)  # state 0101
    x = NOISE.sample(50_000, generator=generator)
    row = (x[:, None] == SPACE).all(-1).int().argmax(1)
    assert_probs(row, log_p.exp(), detects=0.08)
    sure = IndependentBernoulli(torch.tensor([1.0, 0.0]))
    x = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    assert sure.log_prob(x).tolist() == [0.0, -math.inf, -math.inf]


@pytest.mark.parametrize(
    "bad", [torch.tensor([0.5, 1.1]), torch.tensor([-0.1]), torch.tensor([math.nan]),
            torch.zeros(0), torch.zeros(2, 2)],
)  # fmt: skip
def test_impossible_probabilities_are_refused(bad):
    with pytest.raises(ValueError, match=r"probs: expected.*got"):
        IndependentBernoulli(bad)
