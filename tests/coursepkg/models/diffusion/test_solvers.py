"""From noise to data: orders of the error, and laws where the guess is exact."""

import math
from itertools import pairwise

import pytest
import torch
from torch.distributions import Normal

from coursepkg.models.diffusion import (
    MixtureGuess,
    NoiseChain,
    ancestral,
    betas_of,
    ddim,
    heun,
    multistep,
    signal_at,
)
from coursepkg.models.mixtures import GaussianMixture
from coursepkg.rng import seeded
from tests.statistics import assert_cdf

MEAN, STD = 0.6, 0.4
LOW, HIGH = -6.0, 6.0


def one_gaussian() -> MixtureGuess:
    law = GaussianMixture(1, dim=1, generator=seeded(0)).double()
    law.means.fill_(MEAN)
    law.scale_tril.fill_(STD)
    return MixtureGuess(law)


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
        (solver(one_gaussian(), z, levels=levels(n)) - exact(z)).abs().max().item()
        for n in (64, 128, 256)
    ]
    for coarse, fine in pairwise(errors):
        assert coarse / fine == pytest.approx(2**order, rel=0.15)


def test_uneven_steps_keep_the_order():
    """Kills: h_before taken as h in the multistep's ratio."""
    z = torch.tensor([[-1.5], [2.0]], dtype=torch.float64)
    errors = []
    for n in (100, 200, 400):
        u = torch.linspace(0, 1, n + 1, dtype=torch.float64)
        uneven = LOW + (HIGH - LOW) * u.square()
        errors.append((multistep(one_gaussian(), z, levels=uneven) - exact(z)).abs().max().item())
    assert errors[0] / errors[1] > 3.4
    assert errors[1] / errors[2] > 3.4


def test_ancestral_steps_are_the_chains():
    """Same noise, same numbers.   Kills: either formula of the posterior."""
    log_snr = torch.tensor([5.0, 2.0, 0.0, -4.0], dtype=torch.float64)
    chain, guess = NoiseChain(betas_of(log_snr)), one_gaussian()
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


@pytest.mark.parametrize("bad", [torch.zeros(1), torch.tensor([1.0, 0.0]), torch.zeros(2, 2)])
def test_levels_must_rise(bad):
    """Kills: levels from clear to noisy taken, and the noise kept."""
    for solver in (ddim, heun, multistep):
        with pytest.raises(ValueError, match="rising"):
            solver(one_gaussian(), torch.zeros(1, 1).double(), levels=bad)
