"""From noise to data: orders of the error, and laws where the guess is exact."""

import math
from functools import partial
from itertools import pairwise

import pytest
import torch
from torch.distributions import Normal

from coursepkg.models.diffusion import (
    LinearSchedule,
    MixtureGuess,
    NoiseChain,
    ProbabilityFlow,
    ancestral,
    betas_of,
    ddim,
    heun,
    multistep,
    power_levels,
    reverse_sde,
    signal_at,
)
from coursepkg.models.mixtures import GaussianMixture
from coursepkg.rng import seeded
from tests.coursepkg.models.diffusion.mixtures import on_the_line, slope, three
from tests.statistics import assert_cdf

MEAN, STD = 0.6, 0.4
LOW, HIGH = -6.0, 6.0


def levels(steps: int, low: float = LOW, high: float = HIGH) -> torch.Tensor:
    return torch.linspace(low, high, steps + 1, dtype=torch.float64)


def moments(level: float) -> tuple[float, float]:
    """Mean and standard deviation of z at a level."""
    alpha, sigma = (v.item() for v in signal_at(torch.tensor([level], dtype=torch.float64)))
    return alpha * MEAN, math.hypot(alpha * STD, sigma)


def exact(z: torch.Tensor) -> torch.Tensor:
    """The flow keeps a place's standing among all: (z - mean) / std does not change."""
    (m, s), (m_end, s_end) = moments(LOW), moments(HIGH)
    return m_end + s_end * (z - m) / s


@pytest.mark.parametrize(("solver", "order"), [(ddim, 1), (heun, 2), (multistep, 2)])
def test_the_error_falls_with_its_order(solver, order):
    """Halved steps divide it by 2^order.

    Kills: one slope of Heun's two, the multistep's correction with the wrong sign or ratio, ε̂ of
    the next level, α forgotten.
    """
    z = torch.tensor([[-1.5], [0.2], [2.0]], dtype=torch.float64)
    errors = [
        (solver(on_the_line(MEAN, STD), z, levels=levels(n)) - exact(z)).abs().max().item()
        for n in (64, 128, 256)
    ]
    for coarse, fine in pairwise(errors):
        assert coarse / fine == pytest.approx(2**order, rel=0.15)


@pytest.mark.equation("ddim-step")
def test_ddim_is_euler_in_noise_over_signal():
    """y += (s' - s) ε̂ by a slow loop; and dy/ds = ε̂ along the flow, by autograd.

    Kills: α_s of the old level, steps in σ, a slope that is x̂'s.
    """
    guess, at = MixtureGuess(three()), torch.tensor([-3.0, -1.0, 0.5, 2.0], dtype=torch.float64)
    z = torch.randn(5, 2, generator=seeded(0), dtype=torch.float64)
    signals = [signal_at(level[None]) for level in at]
    y = z / signals[0].alpha
    for level, signal, after in zip(at, signals, signals[1:], strict=False):
        here = signal.alpha * y
        eps = (here - signal.alpha * guess(here, level.expand(5))) / signal.sigma
        y = y + (after.sigma / after.alpha - signal.sigma / signal.alpha) * eps
    torch.testing.assert_close(ddim(guess, z, levels=at), signals[-1].alpha * y)

    flow = ProbabilityFlow(guess, LinearSchedule(most=1.0, least=0.0))  # t is λ
    for level in (0.2, 0.7):
        now = torch.tensor(level, dtype=torch.float64)

        def signal(level: torch.Tensor) -> torch.Tensor:
            alpha, sigma = (v[0, 0] for v in signal_at(level[None]))
            return torch.stack([alpha, sigma / alpha])

        alpha, ratio = signal(now)
        dalpha, dratio = slope(signal, now).detach()
        dz = flow(z, now.expand(5))
        dy = dz / alpha - z * dalpha / alpha**2
        eps = (z - alpha * guess(z, now.expand(5))) / (alpha * ratio)
        torch.testing.assert_close(dy / dratio, eps)


@pytest.mark.equation("exponential-step")
def test_multistep_against_the_integral():
    """A guess that heeds λ alone: z_s / σ_s = z_t / σ_t + ½ ∫ e^{λ/2} x̂ dλ, by quadrature.

    One that is constant is hit exactly; a linear one up to h³ a step. Kills: λ for λ / 2, a
    correction of the wrong size.
    """
    ends = torch.tensor([-2.0, 3.0], dtype=torch.float64)
    sigmas = [signal_at(end[None]).sigma for end in ends]
    z = torch.tensor([[0.7]], dtype=torch.float64)
    fine = ends[0] + (ends[1] - ends[0]) * (torch.arange(20_000).double() + 0.5) / 20_000

    def missed(steepness: float, steps: int) -> float:
        def x_hat(level: torch.Tensor) -> torch.Tensor:
            return 0.4 + steepness * level

        integral = (torch.exp(fine / 2) * x_hat(fine)).mean() * (ends[1] - ends[0]) / 2
        exact = sigmas[1] * (z / sigmas[0] + integral)
        levels = torch.linspace(-2, 3, steps + 1, dtype=torch.float64)
        found = multistep(lambda z, level: x_hat(level)[:, None], z, levels=levels)
        return (found - exact).abs().item()

    assert missed(0.0, 3) < 1e-7
    errors = [missed(0.8, steps) for steps in (20, 40, 80)]
    for coarse, fine_error in pairwise(errors):
        assert coarse / fine_error == pytest.approx(4, rel=0.15)


def test_the_first_step_of_multistep_is_ddims():
    """Kills: a correction from nowhere."""
    guess, z = on_the_line(MEAN, STD), torch.tensor([[0.3], [1.0]], dtype=torch.float64)
    step = torch.tensor([-2.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(multistep(guess, z, levels=step), ddim(guess, z, levels=step))


def hills() -> GaussianMixture:
    """Three hills on the line, broad, narrow and a needle: chapter 18's."""
    law = GaussianMixture(3, dim=1, generator=seeded(0)).double()
    law.log_weights.copy_(torch.tensor([0.3, 0.5, 0.2]).log())
    law.means.copy_(torch.tensor([[-1.3], [0.2], [1.6]]))
    law.scale_tril.copy_(torch.tensor([0.35, 0.15, 0.05])[:, None, None])
    return law


def kolmogorov(z: torch.Tensor, law: GaussianMixture) -> float:
    """Largest distance of the distribution functions of places z (n, 1) and of the law."""
    scores = (z - law.means[:, 0]) / law.scale_tril[:, 0, 0]
    F = (law.log_weights.exp() * Normal(0.0, 1.0).cdf(scores)).sum(1).sort().values
    i = torch.arange(len(F))
    return torch.maximum((i + 1) / len(F) - F, F - i / len(F)).max().item()


def test_twenty_steps_of_ddim_come_within_a_twentieth():
    """From evenly spaced quantiles of noise, so without chance.   Kills: levels badly put."""
    law = hills()
    z = Normal(0.0, 1.0).icdf((torch.arange(4000).double() + 0.5) / 4000)[:, None]
    x = ddim(MixtureGuess(law), z, levels=torch.linspace(-10, 10, 21, dtype=torch.float64))
    assert kolmogorov(x, law) < 0.05
    better = multistep(MixtureGuess(law), z, levels=torch.linspace(-10, 10, 21).double())
    assert kolmogorov(better, law) < 0.02


def test_uneven_steps_keep_the_order():
    """Kills: h_before taken as h in the multistep's ratio."""
    z = torch.tensor([[-1.5], [2.0]], dtype=torch.float64)
    errors = []
    for n in (100, 200, 400):
        u = torch.linspace(0, 1, n + 1, dtype=torch.float64)
        uneven = LOW + (HIGH - LOW) * u.square()
        errors.append(
            (multistep(on_the_line(MEAN, STD), z, levels=uneven) - exact(z)).abs().max().item()
        )
    assert errors[0] / errors[1] > 3.4
    assert errors[1] / errors[2] > 3.4


def test_ancestral_steps_are_the_chains():
    """Same noise, same numbers.   Kills: either formula of the posterior."""
    log_snr = torch.tensor([5.0, 2.0, 0.0, -4.0], dtype=torch.float64)
    chain, guess = NoiseChain(betas_of(log_snr)), on_the_line(MEAN, STD)
    z = torch.randn(7, 1, generator=seeded(0), dtype=torch.float64)
    found = ancestral(guess, z, levels=log_snr.flip(0), generator=seeded(1))
    g = seeded(1)
    for t in (4, 3, 2):
        x = guess(z, log_snr[t - 1].expand(7))
        z = chain.posterior(x, z, torch.full((7,), t)).draw(generator=g)
    torch.testing.assert_close(found, z)


@pytest.mark.parametrize("solver", [ddim, heun, multistep, ancestral], ids=lambda s: s.__name__)
def test_an_exact_guess_gives_the_law(solver):
    """Two bumps; P(a right one fails) <= 1e-6; finds 0.02.   Kills: noise of another variance."""
    law = GaussianMixture(2, dim=1, generator=seeded(0)).double()
    law.log_weights.copy_(torch.tensor([0.3, 0.7]).log())
    law.means.copy_(torch.tensor([[-1.0], [0.8]]))
    law.scale_tril.copy_(torch.tensor([[[0.3]], [[0.2]]]))
    z = torch.randn(80_000, 1, generator=seeded(1), dtype=torch.float64)
    noise = {"generator": seeded(2)} if solver is ancestral else {}
    x = solver(MixtureGuess(law), z, levels=levels(150, -12.0, 9.0), **noise)

    def cdf(at: torch.Tensor) -> torch.Tensor:
        alpha, sigma = signal_at(torch.tensor([9.0], dtype=torch.float64))
        bumps = [Normal(alpha * m, (alpha**2 * s**2 + sigma**2).sqrt()).cdf(at)
                 for m, s in ((-1.0, 0.3), (0.8, 0.2))]  # fmt: skip
        return (0.3 * bumps[0] + 0.7 * bumps[1]).flatten()

    assert_cdf(x[:, 0], cdf, detects=0.02)


INFINITE = torch.tensor([-torch.inf, 0.0, torch.inf])


@pytest.mark.parametrize("bad", [torch.zeros(1), torch.tensor([1.0, 0.0]), torch.zeros(2, 2),
                                 INFINITE])  # fmt: skip
def test_levels_must_rise(bad):
    """Kills: levels from clear to noisy taken, and the noise kept; infinite levels."""
    for solver in (ddim, heun, multistep):
        with pytest.raises(ValueError, match="rising"):
            solver(on_the_line(MEAN, STD), torch.zeros(1, 1).double(), levels=bad)


EVERY = {
    "ddim": ddim, "heun": heun, "multistep": multistep,
    "ancestral": partial(ancestral, generator=seeded(0)),
    "reverse_sde": partial(reverse_sde, generator=seeded(0)),
}  # fmt: skip


@pytest.mark.parametrize("solver", EVERY.values(), ids=EVERY)
def test_places_and_guesses_have_one_shape(solver):
    """Kills: a line for a batch of them, a guess that is spread over its rows; a graph kept."""
    z = torch.zeros(3, 2)
    with pytest.raises(ValueError, match=r"^z: "):
        solver(lambda z, _: z, z[0], levels=levels(3))
    with pytest.raises(ValueError, match="guess"):
        solver(lambda z, _: z[:, :1], z, levels=levels(3))
    with pytest.raises(ValueError, match="guess"):
        solver(lambda z, _: z[:1], z, levels=levels(3))
    assert not solver(lambda z, _: z / 2, z.requires_grad_(), levels=levels(3)).requires_grad


def test_levels_whose_ratios_overflow():
    """Ends at -2,000 and -1,900, power 1. Kills: e^1000, an OverflowError; and e^-1000 as 0."""
    levels = power_levels(4, least=-2000.0, most=-1900.0, power=1.0)
    shifted = power_levels(4, least=-50.0, most=50.0, power=1.0) - 1950
    torch.testing.assert_close(levels, shifted)
    with pytest.raises(ValueError, match=r"power: expected one that fits ends 4000\.0 apart"):
        power_levels(4, least=-2000.0, most=2000.0, power=1.0)
