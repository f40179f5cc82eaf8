"""The integral over noise levels: exact for independent pixels, whatever the schedule."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from torch.func import jacrev, vmap

from coursepkg.models.diffusion import (
    ContinuousDiffusion,
    FieldOfGuess,
    LevelDenoiser,
    LinearSchedule,
    LogisticSchedule,
    MixtureGuess,
    RealDenoiser,
    Reweighted,
    Schedule,
    Unheeding,
    signal_at,
    stratified,
    time_of,
)
from coursepkg.models.flows import matching_loss
from coursepkg.rng import seeded
from tests.coursepkg.models.diffusion.mixtures import three
from tests.statistics import assert_mean, assert_probs

LOG_P = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64).log()
SCHEDULES = [
    LinearSchedule(most=8.0, least=-9.0),
    LogisticSchedule(most=8.0, least=-9.0, centre=1.0, scale=1.5),
]
NAMED = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


def model(schedule: Schedule, points: int = 20) -> ContinuousDiffusion:
    denoiser = LevelDenoiser(Unheeding(LOG_P), dim=1, levels=4).double()
    return ContinuousDiffusion(denoiser, schedule, points=points, steps=50)


@NAMED
def test_a_schedule_falls_between_its_ends(schedule):
    """Kills: ends exchanged, a slope that is another's."""
    t = torch.linspace(0, 1, 50, dtype=torch.float64)
    torch.testing.assert_close(schedule(t)[[0, -1]], torch.tensor([8.0, -9.0]).double())
    torch.testing.assert_close(vmap(jacrev(schedule))(t), schedule.slope(t))
    assert (schedule.slope(t) < 0).all()


@pytest.mark.equation("continuous-bound")
@NAMED
@pytest.mark.parametrize("k", [0, 3])
def test_the_bound_is_the_likelihood_of_independent_pixels(schedule, k):
    """Exactly, but for what the ends leave out: P(a right one fails) <= 4e-6 in all; finds 0.1.

    Kills: ½ or e^λ forgotten, the slope's sign, log q for log p at the clear end, one end alone;
    and a value that depends on the schedule.
    """
    x, n = torch.tensor([[k]]), 30_000
    with torch.no_grad():
        found = model(schedule).elbo(x.expand(n, 1), generator=seeded(k))
    assert_mean(found, LOG_P[k].item(), detects=0.1)


@NAMED
def test_one_look_says_the_same_on_average(schedule):
    """P(a right one fails) <= 2e-6.   Kills: a loss without the ends, or without its weight."""
    x, n = torch.tensor([[1]]), 100_000
    with torch.no_grad():
        found = model(schedule).loss(x.expand(n, 1), generator=seeded(5))
    assert_mean(found, -LOG_P[1].item(), detects=0.25)


def by_quadrature(k: int, most: float, least: float) -> tuple[float, float]:
    """What the ends cost at level k, and the integral between them."""
    e = torch.linspace(-1, 1, 4, dtype=torch.float64)
    nodes, weights = map(torch.from_numpy, np.polynomial.hermite_e.hermegauss(80))
    weights = weights / weights.sum()

    def posterior(level: float) -> Tensor:
        """log p(x | z) at the nodes, (80, 4)."""
        alpha, sigma = (v[0, 0] for v in signal_at(torch.tensor([level], dtype=torch.float64)))
        z = alpha * e[k] + sigma * nodes
        return (LOG_P + Normal(alpha * e, sigma).log_prob(z[:, None])).log_softmax(1)

    alpha, sigma = (v[0, 0] for v in signal_at(torch.tensor([least], dtype=torch.float64)))
    unit = Normal(torch.zeros(()).double(), torch.ones(()).double())
    ends = kl_divergence(Normal(alpha * e[k], sigma), unit) - weights @ posterior(most)[:, k]
    levels = least + (most - least) * (torch.arange(200) + 0.5) / 200
    errors = [weights @ (e[k] - posterior(v).exp() @ e).square() for v in levels.tolist()]
    integral = (levels.exp() * torch.stack(errors)).sum() * (most - least) / 400
    return ends.item(), integral.item()


@pytest.mark.equation("continuous-bound")
@pytest.mark.parametrize("k", [0, 2])
def test_between_near_ends_each_part_by_quadrature(k):
    """P(a right one fails) <= 6e-6 in all.

    Kills: the clear end forgotten or added, the noisy end forgotten, a loss without its ends, looks
    at the start of each part.
    """
    schedule, n = LinearSchedule(most=2.0, least=0.0), 40_000
    ends, integral = by_quadrature(k, 2.0, 0.0)
    x = torch.full((n, 1), k)
    with torch.no_grad():
        assert_mean(model(schedule).ends(x, generator=seeded(0)), ends, detects=0.05)
        assert_mean(model(schedule).loss(x, generator=seeded(1)), ends + integral, detects=0.1)
        bound = -model(schedule, points=1).elbo(x, generator=seeded(2))
    assert_mean(bound, ends + integral, detects=0.1)


@NAMED
def test_the_ends_belong_to_the_chain(schedule):
    """Kills: a chain that stops before an end, or runs from noise to image."""
    chain = model(schedule).chain(30)
    assert chain.T == 30
    torch.testing.assert_close(chain.log_snr[[0, -1]], torch.tensor([8.0, -9.0]).double())


def test_draws_have_the_law_of_the_pixels():
    """P(a right one fails) <= 1e-6; finds 0.06 in L1.   Kills: steps of another number or order."""
    x = model(SCHEDULES[1]).sample(40_000, generator=seeded(0))
    assert_probs(x[:, 0], LOG_P.exp().float(), detects=0.06)


class Off(torch.nn.Module):
    """The ideal guess, off by c in each of the two variables."""

    def __init__(self, c: float) -> None:
        super().__init__()
        self.ideal, self.c = MixtureGuess(three()), c

    def forward(self, z: Tensor, log_snr: Tensor) -> Tensor:
        return self.ideal(z, log_snr) + self.c


def about(schedule: Schedule, c: float = 0.0) -> ContinuousDiffusion:
    return ContinuousDiffusion(RealDenoiser(Off(c), dim=2, std=1.0), schedule, points=4, steps=1)


NEAR = [
    LinearSchedule(most=1.0, least=-2.0),
    LogisticSchedule(most=1.0, least=-2.0, centre=0.0, scale=0.6),
]


@pytest.mark.equation("bound-gap")
@pytest.mark.parametrize("schedule", NEAR, ids=lambda s: type(s).__name__)
def test_what_a_wrong_guess_costs(schedule):
    """c² (e^most - e^least) in two variables, in closed form; P(a right one fails) <= 1e-6.

    Kills: ½ forgotten, a gap that depends on the schedule.
    """
    x, c = three().sample(40_000, generator=seeded(0)).double(), 0.3
    t = torch.linspace(0.5 / 40_000, 1 - 0.5 / 40_000, 40_000, dtype=torch.float64)
    wrong, right = (
        about(schedule, each).integrand(x, t, generator=seeded(1)) for each in (c, 0.0)
    )  # fmt: skip
    expected = c**2 * (np.exp(1.0) - np.exp(-2.0))
    assert_mean(wrong - right, expected, detects=0.05)


@pytest.mark.equation("matching-weight")
def test_flow_matching_is_the_bound_with_another_weight():
    """e^{-λ/2}, ends aside: pointwise, and both losses of one guess on average.

    P(a right one fails) <= 2e-6; finds 0.15. Kills: e^{λ/2}, a factor ½.
    """
    levels = torch.linspace(-4, 4, 9, dtype=torch.float64)
    dt = vmap(jacrev(time_of))(levels)
    left = time_of(-levels)  # 1 - t
    torch.testing.assert_close(dt / left**2, (levels.exp() / 2) * torch.exp(-levels / 2))

    n = 60_000
    x = three().sample(n, generator=seeded(0)).double()
    eps = torch.randn(n, 2, generator=seeded(1), dtype=torch.float64)
    with torch.no_grad():
        by_flow = matching_loss(FieldOfGuess(Off(0.0)), eps, x, generator=seeded(2))
        model = about(LogisticSchedule(most=12.0, least=-12.0, centre=0.0, scale=2.0))
        by_bound = Reweighted(model, lambda level: torch.exp(-level / 2)).loss(
            x, generator=seeded(3)
        )
    assert_mean(by_flow - by_bound, 0.0, detects=0.15)
    assert by_bound.mean() > 1


def test_a_weight_of_one_is_the_integrand():
    """At the very times that the bound's loss draws.   Kills: the ends, a weight at 1 - t."""
    model, x = about(NEAR[0]), three().sample(50, generator=seeded(0)).double()
    g = seeded(4)
    t = stratified(50, generator=g, device=x.device)
    expected = model.integrand(x, t, generator=g)
    found = Reweighted(model, torch.ones_like).loss(x, generator=seeded(4))
    torch.testing.assert_close(found, expected)
    twice = Reweighted(model, lambda level: 2 + level).loss(x, generator=seeded(4))
    torch.testing.assert_close(twice, (2 + NEAR[0](t)) * expected)


def test_weights_of_levels_are_no_whole_numbers():
    """Kills: a weight in the type of x."""
    levels, x = model(SCHEDULES[0]), torch.randint(0, 4, (20, 1), generator=seeded(0))
    half = Reweighted(levels, lambda level: torch.full_like(level, 0.5))
    whole = Reweighted(levels, torch.ones_like)
    found, expected = (each.loss(x, generator=seeded(1)) for each in (half, whole))
    torch.testing.assert_close(found, expected / 2)
    assert expected.max() > 0


def test_impossible_ends_are_refused():
    """Kills: a schedule that rises, or ends in rounding; a chain of one end."""
    for most, least in ((-1.0, 1.0), (float("inf"), 0.0), (0.0, float("nan"))):
        with pytest.raises(ValueError, match="most > least"):
            LinearSchedule(most=most, least=least)
        with pytest.raises(ValueError, match="most > least"):
            LogisticSchedule(most=most, least=least, centre=0.0, scale=1.0)
    for centre, scale in ((0.0, 0.2), (0.0, 0.01), (float("nan"), 1.0)):
        with pytest.raises(ValueError, match="reaches the ends"):
            LogisticSchedule(most=9.0, least=-9.0, centre=centre, scale=scale)
    with pytest.raises(ValueError, match="at least 2"):
        model(SCHEDULES[0]).chain(1)
    with pytest.raises(ValueError, match="points"):
        model(SCHEDULES[0], points=0)


def test_a_narrow_schedule_in_single_precision():
    """Its ends are the line's.   Kills: u = 1 - 1.5e-8 rounded to 1, whose λ is infinite."""
    line = LinearSchedule(most=9.0, least=-9.0)
    narrow = LogisticSchedule(most=9.0, least=-9.0, centre=0.0, scale=0.5)
    t, x = torch.tensor([0.0, 1.0], dtype=torch.float32), torch.tensor([[0], [3]])
    assert narrow(t).dtype == narrow.slope(t).dtype == torch.float32
    torch.testing.assert_close(narrow(t), line(t))
    assert narrow.slope(t).isfinite().all()
    found, expected = (
        model(each).float().ends(x, generator=seeded(0)) for each in (narrow, line)
    )  # fmt: skip
    torch.testing.assert_close(found, expected)
