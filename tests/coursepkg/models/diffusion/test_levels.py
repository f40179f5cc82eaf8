"""The best places for T steps, against all choices."""

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from coursepkg.models.diffusion import (
    Diffusion,
    LevelDenoiser,
    NoiseChain,
    Profile,
    TableNet,
    Unheeding,
    best_levels,
    betas_of,
    profile,
)
from coursepkg.rng import seeded

GRID = torch.tensor([4.0, 2.5, 1.0, 0.0, -1.5, -3.0, -5.0], dtype=torch.float64)
ERROR = torch.tensor([0.01, 0.08, 0.3, 0.5, 0.8, 0.9, 1.0], dtype=torch.float64)
FIRST = torch.tensor([0.02, 0.3, 0.9, 1.3, 1.7, 1.8, 1.9], dtype=torch.float64)
PRIOR = torch.tensor([3.0, 2.0, 1.1, 0.6, 0.2, 0.05, 0.01], dtype=torch.float64)


def cost(places: tuple[int, ...]) -> float:
    """The bound with these levels, term by term."""
    total = FIRST[places[0]] + PRIOR[places[-1]]
    for clearer, noisier in pairwise(places):
        total += (GRID[clearer].exp() - GRID[noisier].exp()) / 2 * ERROR[noisier]
    return total.item()


@pytest.mark.equation("level-path")
@pytest.mark.parametrize("T", range(1, 8))
def test_no_other_choice_is_better(T):
    """All subsets.   Kills: the error of the clearer level, ½, an end forgotten, T ± 1 steps."""
    least = min(combinations(range(7), T), key=cost)
    found = best_levels(Profile(GRID, ERROR, FIRST, PRIOR), T)
    torch.testing.assert_close(found, GRID[list(least)])


def test_the_profile_measures_means():
    """By quadrature; P(a right one fails) <= 1e-6.

    Errors lie in [0, 4], for which Hoeffding speaks; the other
    mean has a standard error below 0.005.

    Kills: sums over images, noise of another level.
    """
    denoiser = LevelDenoiser(Unheeding(torch.tensor([0.2, 0.3, 0.5]).log()), dim=1, levels=3)
    x = torch.tensor([0, 1, 2]).repeat_interleave(20_000)[:, None]
    with torch.no_grad():
        measured = profile(denoiser, x, GRID, generator=seeded(0))
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(60))
    for g in (2, 4, 6):
        alpha_bar, error, first = GRID[g].sigmoid().item(), 0.0, 0.0
        scale, std = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
        for level, value in enumerate((-1.0, 0.0, 1.0)):
            z = (scale * value + std * nodes)[:, None]
            with torch.no_grad():
                output = denoiser(z, GRID[g].expand(60))
                log_p = denoiser.log_likelihood(torch.full((60, 1), level), output)
            off = value - denoiser.mean(output)[:, 0]
            error += (weights @ off.square() / weights.sum() / 3).item()
            first -= (weights @ log_p / weights.sum() / 3).item()
        assert measured.error[g].item() == pytest.approx(error, abs=0.05)
        assert measured.first[g].item() == pytest.approx(first, abs=0.05)
        law = Normal(scale * torch.tensor([-1.0, 0, 1]), std)
        kl = kl_divergence(law, Normal(0.0, 1.0)).mean().item()
        assert measured.prior[g].item() == pytest.approx(kl, rel=1e-4)


def test_twins_are_better_off_with_chosen_levels():
    """Kills: a choice that is worse than even steps."""
    net = TableNet(torch.tensor([[0, 0], [1, 1]]), torch.zeros(2), levels=2)
    denoiser, x = LevelDenoiser(net, dim=2, levels=2), torch.ones(2000, 2, dtype=torch.int64)
    measured = profile(denoiser, x, torch.linspace(7, -7, 71), generator=seeded(0))
    bound = {}
    for name, levels in (("even", torch.linspace(7, -7, 8)), ("best", best_levels(measured, 8))):
        with torch.no_grad():
            model = Diffusion(denoiser, NoiseChain(betas_of(levels.double())))
            bound[name] = -model.elbo(x, generator=seeded(1)).mean().item()
    assert math.log(2) < bound["best"] < bound["even"] - 0.05


def test_impossible_requests_are_refused():
    """Kills: more steps than levels, levels that rise, are none or no numbers."""
    with pytest.raises(ValueError, match="at most 7"):
        best_levels(Profile(GRID, ERROR, FIRST, PRIOR), 8)
    denoiser = LevelDenoiser(Unheeding(torch.zeros(3)), dim=1, levels=3)
    with pytest.raises(ValueError, match="falling"):
        profile(denoiser, torch.zeros(1, 1).long(), GRID.flip(0), generator=seeded(0))
    for bad in (GRID.flip(0), GRID[:0], torch.full_like(GRID, torch.nan)):
        with pytest.raises(ValueError, match="falling"):
            profile(denoiser, torch.zeros(1, 1).long(), bad, generator=seeded(0))
        with pytest.raises(ValueError, match="falling"):
            best_levels(Profile(bad, ERROR, FIRST, PRIOR), 1)
