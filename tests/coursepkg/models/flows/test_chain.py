"""Chains, permutations and the base: Jacobians, closed forms, quadrature."""

import math

import pytest
import torch
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg.models.flows import (
    ActNorm,
    Chain,
    FactorOut,
    Inverse,
    LULinear,
    Permutation,
    StandardNormal,
    squeeze_order,
)
from coursepkg.models.transformed import Transformed
from coursepkg.rng import seeded
from tests.coursepkg.models.flows.truth import check_transform, shaken
from tests.statistics import assert_cdf


def linear(seed: int, dim: int = 4) -> LULinear:
    return LULinear(torch.randn(dim, dim, generator=seeded(seed)))


def points(n: int = 3, dim: int = 4) -> torch.Tensor:
    return torch.randn(n, dim, generator=seeded(9))


def test_the_base_is_a_product_of_normals_of_its_temperature():
    """Kills: a normaliser of T = 1, variance T, a constant counted once."""
    base, z = StandardNormal(3, temperature=0.7), points(dim=3)
    assert_close(base.log_prob(z), Normal(0, 0.7).log_prob(z).sum(1))
    drawn = base.sample(20_000, generator=seeded(0))
    assert drawn.shape == (20_000, 3)
    assert_cdf(drawn[:, 1], Normal(0, 0.7).cdf, detects=0.06)
    assert StandardNormal(2).float().sample(1, generator=seeded(0)).dtype == torch.float32
    assert not base.state_dict(), "it has no weights"


def test_a_chain_multiplies_determinants_and_inverts_in_reverse():
    """Of linear maps that do not commute. Kills: the last determinant only, inverses in order."""
    first, second = linear(0), linear(1)
    chain = Chain([first, Permutation(torch.tensor([2, 0, 3, 1])), second])
    check_transform(chain, points())
    _, log_det = chain.encode(points())
    expected = first.log_diagonal.sum() + second.log_diagonal.sum()
    assert_close(log_det, expected.expand(3))
    assert log_det[0].abs() > 0.1, "vacuous: no volume"


def test_a_flow_is_the_normal_law_that_a_linear_map_makes():
    """z = W x with z normal: x ~ N(0, (WᵀW)^-1). Kills: the determinant subtracted."""
    flow = Transformed(linear(2), StandardNormal(4))
    L, U = flow.transform.factors()
    W = (flow.transform.permutation @ L @ U).detach()
    law = torch.distributions.MultivariateNormal(torch.zeros(4), precision_matrix=W.T @ W)
    assert_close(flow.log_prob(points()).detach(), law.log_prob(points()))


def test_a_chain_starts_each_layer_where_the_data_reach_it():
    """Kills: every layer fitted to x itself, weights replaced behind an optimizer's back."""
    x = 3 + 2 * points(200)
    chain = Chain([ActNorm(4), linear(3), ActNorm(4)])
    held = chain.layers[2].shift
    assert chain.fit(x) is chain
    assert chain.layers[2].shift is held
    z, _ = chain.encode(x)
    assert_close(z.mean(0), torch.zeros(4))
    assert_close(z.var(0, correction=0), torch.ones(4))
    middle = chain.layers[0].encode(x)[0]
    assert_close(middle.mean(0), torch.zeros(4))


def test_a_refused_start_changes_nothing():
    """The second layer would be refused. Kills: a first layer that stays changed."""
    chain = Chain([ActNorm(2), LULinear(torch.eye(2)), ActNorm(2)])
    flat = torch.tensor([[1.0, 2.0], [3.0, 2.0]])
    with pytest.raises(ValueError, match=r"expected variables that vary, got 1 constant"):
        chain.fit(flat)
    assert not chain.layers[0].shift.any()


def test_the_inverse_of_a_transform_is_the_other_way_round():
    """Kills: the determinant of the way there, or at the wrong point."""
    transform = shaken(ActNorm(4), seeded(4))
    check_transform(Inverse(transform), points())
    assert_close(Inverse(transform).encode(points())[0], transform.decode(points()))


def test_a_permutation_moves_what_it_says():
    """An order that is not its own inverse. Kills: the inverse order."""
    order = torch.tensor([2, 0, 1])
    x = torch.tensor([[10.0, 11.0, 12.0]])
    z, log_det = Permutation(order).encode(x)
    assert z.tolist() == [[12.0, 10.0, 11.0]]
    assert log_det.tolist() == [0.0]
    assert torch.equal(Permutation(order).decode(z), x)


def test_what_is_factored_out_stays_as_it_is():
    """Kills: the wrong end, a determinant lost."""
    inner = linear(5, dim=2)
    split = FactorOut(inner, kept=2, dim=4)
    check_transform(split, points())
    z, log_det = split.encode(points())
    assert torch.equal(z[:, 2:], points()[:, 2:])
    assert_close(z[:, :2], inner.encode(points()[:, :2])[0])
    assert_close(log_det, inner.log_diagonal.sum().expand(3))


def test_squeezing_trades_space_for_channels():
    """Against PixelUnshuffle. Kills: rows and columns swapped."""
    x = torch.arange(2 * 2 * 4 * 6.0).view(2, 48)
    expected = torch.nn.PixelUnshuffle(2)(x.view(2, 2, 4, 6)).flatten(1)
    assert torch.equal(x[:, squeeze_order((2, 4, 6))], expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Chain([]), r"transforms: expected at least one, got none"),
        (lambda: Chain([torch.nn.Identity()]), r"transforms: expected encode.*got a Identity"),
        (lambda: Permutation(torch.tensor([0, 0])), r"order: expected a permutation.*got \[0, 0\]"),
        (lambda: FactorOut(linear(0), kept=4, dim=4), r"kept: expected 0 < kept < 4, got 4"),
        (lambda: FactorOut(linear(0), kept=0, dim=4), r"kept: expected 0 < kept < 4, got 0"),
        (lambda: squeeze_order((1, 3, 4)), r"shape: expected an even.*got 3 and 4"),
        (lambda: StandardNormal(0), r"dim: expected"),
        (lambda: StandardNormal(1, temperature=0), r"temperature: expected.*got 0"),
        (lambda: StandardNormal(2).log_prob(torch.zeros(1, 3)), r"z: expected shape.*got"),
        (lambda: Permutation(torch.arange(2)).encode(torch.zeros(1, 3)), r"x: expected shape"),
        (lambda: Permutation(torch.arange(2)).decode(torch.zeros(1, 3)), r"z: expected shape"),
        (lambda: FactorOut(linear(0), kept=4, dim=5).encode(points()), r"x: expected shape"),
        (lambda: FactorOut(linear(0), kept=4, dim=5).decode(points()), r"z: expected shape"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_the_mass_of_a_cold_flow_is_one():
    """By quadrature in the plane. Kills: a base that is not normalised."""
    flow = Transformed(linear(6, dim=2), StandardNormal(2, temperature=0.5))
    x = torch.linspace(-12, 12, 801)
    p = flow.log_prob(torch.cartesian_prod(x, x)).exp().sum() * 0.03**2
    assert math.isclose(p.item(), 1, abs_tol=1e-6)
