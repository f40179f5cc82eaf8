import math

import pytest
import torch
from torch.distributions import LogNormal

from coursepkg.samplers import finite
from coursepkg.samplers.metropolis import MetropolisHastings, RandomWalk
from coursepkg.samplers.run import run
from tests.coursepkg.samplers.laws import EXACT, comes_home, stays, targets
from tests.statistics import assert_cdf, assert_probs

TARGETS = dict(targets())


@pytest.mark.equation("metropolis-ratio")
@pytest.mark.parametrize("name", TARGETS)
def test_random_walk_keeps_its_target(name, generator):
    """Kills: a proposal always accepted, the ratio without its logarithm or its denominator."""
    stays(RandomWalk(TARGETS[name].log_prob, 1.0), TARGETS[name], generator=generator)


@pytest.mark.parametrize("name", TARGETS)
def test_random_walk_comes_home(name, generator):
    """Kills: a kernel that never moves."""
    law = TARGETS[name]
    comes_home(RandomWalk(law.log_prob, 1.2), law, steps=250, generator=generator)


@pytest.mark.equation("metropolis-ratio")
def test_the_ratio_of_a_random_walk_is_that_of_its_target(generator):
    """A proposal can be read off where it was accepted. Kills: Barker's rule, which keeps p too."""
    law = TARGETS["banana"]
    kernel = RandomWalk(law.log_prob, 1.0)
    old = kernel.init(law.sample(1000, generator=generator))
    new, info = kernel.step(old, generator=generator)
    assert info.moved.sum() > 300
    expected = law.log_prob(new.x) - law.log_prob(old.x)
    torch.testing.assert_close(info.log_ratio[info.moved], expected[info.moved])


def test_random_walk_keeps_its_target_in_single_precision(generator):
    law = TARGETS["gaussian"]
    stays(RandomWalk(law.log_prob, 1.0), law, generator=generator, dtype=torch.float32)


def test_a_random_walk_proposes_steps_of_its_size(generator):
    """On a constant target all are accepted. Kills: a variance for a standard deviation."""
    kernel = RandomWalk(lambda x: torch.zeros(len(x)), 0.3)
    x = torch.tensor([[1.0, -2.0]]).expand(50_000, 2)
    moves = (run(kernel, x, steps=1, generator=generator).x[0] - x) / 0.3
    for d in range(2):
        assert_cdf(moves[:, d], torch.special.ndtr, detects=0.03)
    assert_cdf(moves.sum(1) / math.sqrt(2), torch.special.ndtr, detects=0.03)


# a proposal that is not symmetric: x times a log-normal factor that is mostly below 1


def multiply(x, *, generator):
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return x * torch.exp(0.8 * noise - 0.3)


def log_multiply(x_new, x):
    return LogNormal(x.log() - 0.3, 0.8).log_prob(x_new).squeeze(1)


def gamma_of_three(x):
    """Up to a constant, the law of a sum of three exponentials."""
    return 2 * x[:, 0].log() - x[:, 0]


def gamma_cdf(x):
    return torch.special.gammainc(torch.tensor(3.0), x)


def gamma_draws(n, generator):
    return torch.empty(n, 3).exponential_(generator=generator).sum(1, keepdim=True)


@pytest.mark.equation("mh-ratio")
def test_an_asymmetric_proposal_keeps_its_target(generator):
    kernel = MetropolisHastings(gamma_of_three, multiply, log_multiply)
    draws = run(kernel, gamma_draws(EXACT, generator), steps=1, generator=generator)
    assert draws.info.moved.double().mean() > 0.3
    assert_cdf(draws.x[0, :, 0], gamma_cdf, detects=0.0125)


def test_an_asymmetric_proposal_comes_home(generator):
    """Kills: a kernel that never moves."""
    kernel = MetropolisHastings(gamma_of_three, multiply, log_multiply)
    x = torch.full((5000, 1), 60.0)
    draws = run(kernel, x, steps=60, thin=60, generator=generator)
    assert_cdf(draws.x[0, :, 0], gamma_cdf, detects=0.08)


@pytest.mark.parametrize(
    "wrong",
    [lambda x_new, x: log_multiply(x, x_new), lambda x_new, x: torch.zeros(len(x))],
    ids=["upside down", "left out"],
)
def test_the_ratio_upside_down_or_left_out_keeps_another_law(wrong, generator):
    """Erratum 002, Metropolis–Hastings: as printed, q(x' | x) stands above."""
    kernel = MetropolisHastings(gamma_of_three, multiply, wrong)
    draws = run(kernel, gamma_draws(EXACT, generator), steps=1, generator=generator)
    with pytest.raises(AssertionError, match="KS distance"):
        assert_cdf(draws.x[0, :, 0], gamma_cdf, detects=0.0125)


@pytest.mark.equation("mh-ratio")
def test_on_integers_the_steps_are_those_of_the_matrix(generator):
    """Kills: log_q with its arguments exchanged; and ties sampling to enumeration."""
    proposal = torch.tensor([[0.1, 0.6, 0.3], [0.2, 0.0, 0.8], [0.5, 0.4, 0.1]])
    target = torch.tensor([0.5, 0.2, 0.3])

    def propose(x, *, generator):
        return torch.multinomial(proposal[x[:, 0]], 1, generator=generator)

    kernel = MetropolisHastings(
        lambda x: target.log()[x[:, 0]], propose,
        lambda x_new, x: proposal.log()[x[:, 0], x_new[:, 0]],
    )  # fmt: skip
    P = finite.metropolis_hastings(proposal, target)
    for i in range(3):
        x = torch.full((40_000, 1), i)
        draws = run(kernel, x, steps=1, generator=generator).x
        assert draws.dtype == torch.int64
        assert_probs(draws[0, :, 0], P[i], detects=0.06)


def test_the_log_ratio_is_of_the_way_back_over_the_way_there(generator):
    """Where the proposal was accepted, the ratio can be computed from both ends."""
    kernel = MetropolisHastings(gamma_of_three, multiply, log_multiply)
    old = kernel.init(gamma_draws(1000, generator))
    new, info = kernel.step(old, generator=generator)
    there, back = log_multiply(new.x, old.x), log_multiply(old.x, new.x)
    expected = gamma_of_three(new.x) - gamma_of_three(old.x) + back - there
    assert info.moved.sum() > 300
    torch.testing.assert_close(info.log_ratio[info.moved], expected[info.moved])


def test_a_proposal_without_its_density_is_refused():
    with pytest.raises(TypeError, match="log_q: expected the log-density of the proposal"):
        MetropolisHastings(gamma_of_three, multiply, None)


def test_a_proposal_that_its_own_density_calls_impossible_is_refused(generator):
    """Kills: log_q of -inf taken for certain acceptance."""
    kernel = MetropolisHastings(
        gamma_of_three, multiply,
        lambda x_new, x: torch.where(x_new > x, -math.inf, 0.0)[:, 0],
    )  # fmt: skip
    info = kernel.step(kernel.init(torch.ones(100, 1)), generator=generator)[1]
    assert info.invalid.any()
    assert not (info.moved & info.invalid).any()


@pytest.mark.parametrize(
    ("propose", "log_q", "message"),
    [
        (lambda x, *, generator: x[:, 0], log_multiply, "propose: expected"),
        (lambda x, *, generator: x.float(), log_multiply, "propose: expected"),
        (multiply, lambda x_new, x: x_new, "log_q: expected shape"),
        (multiply, lambda x_new, x: log_multiply(x_new, x).sum(), "log_q: expected shape"),
    ],
)
def test_proposals_of_another_shape_or_type_are_refused(propose, log_q, message, generator):
    kernel = MetropolisHastings(gamma_of_three, propose, log_q)
    with pytest.raises(ValueError, match=message):
        kernel.step(kernel.init(torch.ones(4, 1)), generator=generator)
