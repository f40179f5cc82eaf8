import itertools
import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.distributions import Gumbel as TorchGumbel

from coursepkg.data import toy
from tests.statistics import assert_cdf, assert_probs

ON_THE_LINE = {"two gaussians": toy.two_gaussians(), "gumbel": toy.Gumbel(-1.0, 0.7)}
IN_THE_PLANE = {
    "eight gaussians": toy.eight_gaussians(),
    "two moons": toy.two_moons(),
    "banana": toy.Banana(),
    "checkerboard": toy.Checkerboard(squares=6, side=3.0),
}


def grid(cells):
    """Midpoints of `cells`² cells on [-15, 15]² and their area."""
    axis = -15 + (torch.arange(cells) + 0.5) * 30 / cells
    return torch.cartesian_prod(axis, axis), (30 / cells) ** 2


@pytest.mark.parametrize("law", ON_THE_LINE.values(), ids=ON_THE_LINE)
def test_density_on_the_line_integrates_to_one_and_samples_follow_it(law, generator):
    """Kills: a lost log scale, a sampler with another scale, weight or skew."""
    x = torch.linspace(-12, 30, 42_001)
    p = law.log_prob(x).exp()
    cumulative = torch.cumulative_trapezoid(p, x)
    assert cumulative[-1].item() == pytest.approx(1, abs=1e-6)
    draws = law.sample(40_000, generator=generator)
    assert draws.shape == (40_000,)
    assert_cdf(draws, lambda y: cumulative[torch.searchsorted(x, y) - 1], detects=0.03)


@pytest.mark.parametrize("law", IN_THE_PLANE.values(), ids=IN_THE_PLANE)
def test_density_in_the_plane_integrates_to_one_and_samples_follow_it(law, generator):
    """Kills: a constant for one dimension, a sampler that mixes or mirrors the coordinates."""
    points, area = grid(240)
    p = torch.cat([law.log_prob(part).exp() for part in points.split(20_000)]) * area
    assert p.sum().item() == pytest.approx(1, abs=2e-4)
    draws = law.sample(40_000, generator=generator)
    assert draws.shape == (40_000, 2)
    cell = torch.bincount(sixteenth(points), weights=p, minlength=16)
    assert_probs(sixteenth(draws), cell / cell.sum(), detects=0.08)


def sixteenth(x):
    """Cell of a 4×4 partition without symmetry, its lines between the grid's points, (B,)."""
    column, row = (torch.bucketize(x[:, i].contiguous(), torch.tensor(edges)) for i, edges in
                   ((0, [-2.125, 0.375, 1.5]), (1, [-1.125, 0.25, 2.0])))  # fmt: skip
    return 4 * row + column


def test_mixture_agrees_with_torch_on_the_line_and_in_space():
    """Kills: squares summed with the wrong scale, weights used twice or not at all."""
    weights, scales = torch.tensor([0.2, 0.5, 0.3]), torch.tensor([0.3, 1.0, 2.0])
    for means in (torch.tensor([-1.0, 0.5, 2.0]), torch.randn(3, 4, generator=seeded(1))):
        x = torch.randn(7, *means.shape[1:], generator=seeded(2))
        parts = Normal(means, scales.view(3, *[1] * (means.ndim - 1)))
        peer = MixtureSameFamily(Categorical(weights), Independent(parts, means.ndim - 1))
        mine = toy.IsotropicMixture(means, scales, weights)
        torch.testing.assert_close(mine.log_prob(x), peer.log_prob(x))


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_gumbel_agrees_with_torch():
    x = torch.linspace(-3, 8, 50)
    peer = TorchGumbel(torch.tensor(-1.0), torch.tensor(0.7))
    torch.testing.assert_close(toy.Gumbel(-1.0, 0.7).log_prob(x), peer.log_prob(x))


def test_banana_is_a_normal_and_a_normal_given_it():
    """Kills: a lost width, the bend taken of the scaled coordinate."""
    law = toy.Banana(bend=-0.3, width=2.0)
    x = torch.randn(20, 2, generator=seeded(3)) * 3
    given = Normal(-0.3 * (x[:, 0] ** 2 - 4), 1.0)
    expected = Normal(0.0, 2.0).log_prob(x[:, 0]) + given.log_prob(x[:, 1])
    torch.testing.assert_close(law.log_prob(x), expected)


def test_checkerboard_square_by_square():
    """Kills: the other colour, squares counted beyond the border, the area of the whole board."""
    law = toy.Checkerboard()  # 4 × 4 squares of side 2 on [-4, 4]²
    for column, row in itertools.product(range(-1, 5), repeat=2):
        centre = torch.tensor([[2.0 * column - 3, 2.0 * row - 3]])
        inside = 0 <= column < 4 and 0 <= row < 4 and (column + row) % 2 == 0
        expected = math.log(1 / 32) if inside else -math.inf
        assert law.log_prob(centre).item() == pytest.approx(expected), (column, row)


def test_checkerboard_draws_only_where_its_density_is(generator):
    assert (
        toy
        .Checkerboard()
        .log_prob(toy.Checkerboard().sample(5000, generator=generator))
        .isfinite()
        .all()
    )


def test_the_moons_interlock_without_touching():
    """Each moon's tip lies in the other's bow. Kills: a shift with the wrong sign."""
    law = toy.two_moons()
    middles_and_tips = torch.tensor([[-1.0, 1.5], [1.0, -0.5], [1.0, -1.5], [-1.0, 0.5]])
    assert (law.log_prob(middles_and_tips) > -4).all()
    assert (law.log_prob(torch.tensor([[0.0, 0.0], [-1.0, -2.5]])) < -10).all()


@pytest.mark.parametrize("law", [*ON_THE_LINE.values(), *IN_THE_PLANE.values()])
def test_data_of_another_shape_are_refused(law):
    with pytest.raises(ValueError, match="expected shape"):
        law.log_prob(torch.zeros(5, 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda: toy.IsotropicMixture(torch.zeros(2), torch.ones(3)),
        lambda: toy.IsotropicMixture(torch.zeros(2), torch.ones(2), torch.tensor([0.5, 0.6])),
        lambda: toy.IsotropicMixture(torch.zeros(2), torch.ones(2), torch.tensor([1.5, -0.5])),
        lambda: toy.IsotropicMixture(torch.zeros(2), torch.zeros(2)),
        lambda: toy.Gumbel(0.0, 0.0),
        lambda: toy.Banana(width=-1.0),
        lambda: toy.Checkerboard(squares=3),
        lambda: toy.two_moons(scale=0.0),
    ],
)
def test_laws_that_are_none_are_refused(make):
    with pytest.raises(ValueError, match="expected"):
        make()


def test_a_checkerboard_answers_in_the_precision_of_x():
    """Kills: a constant of torch's default type."""
    for dtype in (torch.float32, torch.float64):
        found = toy.Checkerboard().log_prob(torch.tensor([[-3.5, -3.5], [9.0, 0.0]], dtype=dtype))
        assert found.dtype == dtype
        torch.testing.assert_close(found, torch.tensor([-math.log(32), -math.inf], dtype=dtype))


def test_a_scale_whose_square_is_0_is_refused():
    """1e-25 in float32. Kills: 0 / 0 at the mean, without a word."""
    with pytest.raises(ValueError, match="smallest_variance: expected a finite number > 0, got 0"):
        toy.IsotropicMixture(torch.zeros(1).float(), torch.tensor([1e-25]).float())
