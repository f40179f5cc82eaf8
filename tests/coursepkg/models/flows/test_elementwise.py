"""Increasing maps: slopes by autograd, the way back, closed values, tails, zuko."""

import pytest
import torch
from torch.testing import assert_close
from zuko import transforms

from coursepkg.models.flows import Affine, RationalQuadraticSpline
from coursepkg.rng import seeded

MAPS = pytest.mark.parametrize(
    "monotone",
    [Affine(1.5), RationalQuadraticSpline(bins=5, reach=2.0), RationalQuadraticSpline(bins=2)],
    ids=["affine", "spline", "two-bins"],
)


def setting(monotone, *, scale: float = 2.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Points inside and outside of any reach, and parameters that are not small."""
    generator = seeded(0)
    x = 3 * torch.randn(40, 6, generator=generator)
    return x, scale * torch.randn(40, monotone.size, 6, generator=generator)


@MAPS
def test_the_slope_is_autograds_and_the_way_back_is_exact(monotone):
    """Kills: a log-slope of the wrong sign, an inverse of another bin."""
    x, theta = setting(monotone)
    x.requires_grad_()
    z, log_slope = monotone.encode(x, theta)
    (slope,) = torch.autograd.grad(z.sum(), x)
    assert (slope > 0).all()
    assert_close(log_slope, slope.log(), atol=1e-10, rtol=0)
    assert_close(monotone.decode(z, theta), x, atol=1e-9, rtol=0)
    assert log_slope.abs().max() > 0.5, "vacuous: no volume"


@MAPS
def test_at_parameters_zero_it_is_the_identity(monotone):
    """Kills: a start that is bent."""
    x, theta = setting(monotone, scale=0.0)
    z, log_slope = monotone.encode(x, theta)
    assert_close(z, x)
    assert_close(log_slope, torch.zeros_like(x))


def test_affine_values_and_the_bound_of_its_scale():
    """s = 1.5 tanh(θ/1.5), by hand. Kills: scale and shift swapped, no bound."""
    theta = torch.tensor([[[0.3], [5.0]], [[1e6], [0.0]]])
    z, s = Affine(1.5).encode(torch.full((2, 1), 2.0), theta)
    expected = 1.5 * torch.tensor([0.3 / 1.5]).tanh()
    assert_close(s[:, 0], torch.cat([expected, torch.tensor([1.5])]))
    assert_close(z[0], 2 * expected.exp() + 5)


def test_the_number_of_parameters_is_no_choice():
    """Kills: a field of the dataclass, so that `Affine(2.0, 3)` makes an impossible map."""
    with pytest.raises(TypeError):
        Affine(2.0, 3)
    assert Affine().size == 2


def test_a_spline_has_linear_tails_without_a_jump_in_value_or_slope():
    """Kills: tails that are not the identity, end slopes that are free."""
    spline = RationalQuadraticSpline(bins=4, reach=2.0)
    _, theta = setting(spline)
    for end in (-2.0, 2.0):
        near = torch.tensor([end * (1 - 1e-12), end, end * (1 + 1e-12), 40 * end])
        x = near[:, None].expand(4, 6)
        z, log_slope = spline.encode(x, theta[:1].expand(4, -1, -1))
        assert_close(z, x, atol=1e-7, rtol=0)
        assert_close(log_slope, torch.zeros_like(x), atol=1e-6, rtol=0)
        assert_close(spline.decode(x, theta[:1].expand(4, -1, -1)), x, atol=1e-7, rtol=0)


def test_knots_and_their_slopes_are_met():
    """Knots and slopes by their definition: cumulated softmax, softplus. Kills: an off-by-one."""
    spline = RationalQuadraticSpline(bins=3, reach=1.0, least=0.01)
    _, theta = setting(spline)
    share = 0.01 + 0.97 * theta[:, :6].unflatten(1, (2, 3)).softmax(2)
    x_k, z_k = (2 * share.cumsum(2)[:, :, :2] - 1).unbind(1)
    one = torch.expm1(torch.tensor(0.99)).log()
    d_k = torch.nn.functional.softplus(theta[:, 6:] + one) + 0.01
    for k in range(2):
        z, log_slope = spline.encode(x_k[:, k], theta)
        assert_close(z, z_k[:, k], atol=1e-9, rtol=0)
        assert_close(log_slope, d_k[:, k].log(), atol=1e-7, rtol=0)


@pytest.mark.equation("rational-quadratic")
def test_a_spline_is_its_equation_in_every_bin():
    """By a loop over bins, knots by their definition. Kills: the slopes of the ends swapped."""
    spline = RationalQuadraticSpline(bins=3, reach=1.0, least=0.01)
    theta = 2 * torch.randn(1, spline.size, 1, generator=seeded(3))
    share = 0.01 + 0.97 * theta[0, :6, 0].view(2, 3).softmax(1)
    ends = torch.cat([-torch.ones(2, 1), 2 * share.cumsum(1) - 1], dim=1)
    one = torch.expm1(torch.tensor(0.99)).log()
    inner = torch.nn.functional.softplus(theta[0, 6:, 0] + one) + 0.01
    slopes = [1.0, *inner.tolist(), 1.0]
    for k in range(3):
        (x_0, z_0), (x_1, z_1) = ends[:, k].tolist(), ends[:, k + 1].tolist()
        m, d_0, d_1 = (z_1 - z_0) / (x_1 - x_0), slopes[k], slopes[k + 1]
        for xi in (0.0, 0.1, 0.5, 0.8):
            below = m + (d_0 + d_1 - 2 * m) * xi * (1 - xi)
            z = z_0 + (z_1 - z_0) * (m * xi**2 + d_0 * xi * (1 - xi)) / below
            rise = m**2 * (d_1 * xi**2 + 2 * m * xi * (1 - xi) + d_0 * (1 - xi) ** 2) / below**2
            x = torch.full((1, 1), x_0 + xi * (x_1 - x_0) + 1e-12)
            got, log_slope = spline.encode(x, theta)
            assert_close(got.item(), z, atol=1e-9, rtol=0)
            assert_close(log_slope.exp().item(), rise, atol=1e-8, rtol=0)
            assert_close(spline.decode(got, theta).item(), x.item(), atol=1e-9, rtol=0)


def test_extreme_parameters_stay_invertible():
    """Kills: bins or slopes that vanish."""
    spline = RationalQuadraticSpline(bins=6, reach=3.0)
    x, theta = setting(spline, scale=30.0)
    z, log_slope = spline.encode(x, theta)
    assert log_slope.isfinite().all()
    assert_close(spline.decode(z, theta), x, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-3), (torch.float64, 1e-11)])
def test_the_way_back_does_not_cancel(dtype, error):
    """In z, since flat bins lose x. Kills: one form of the root for both signs of its middle term.

    In single precision that form lands in another bin, as far away as the reach.
    """
    spline = RationalQuadraticSpline(bins=8, reach=4.0)
    z = 3 * torch.randn(4000, 4, generator=seeded(0), dtype=dtype)
    theta = 10 * torch.randn(4000, spline.size, 4, generator=seeded(1), dtype=dtype)
    assert_close(spline.encode(spline.decode(z, theta), theta)[0], z, atol=error, rtol=0)


def test_gradients_are_finite_outside_the_reach_too():
    """Kills: where() that lets a NaN of the branch not taken through."""
    spline = RationalQuadraticSpline(bins=3, reach=1.0)
    x, theta = setting(spline)
    x, theta = (100 * x).requires_grad_(), theta.requires_grad_()
    z, log_slope = spline.encode(x, theta)
    back = spline.decode(x, theta)
    grads = torch.autograd.grad((z + log_slope + back).sum(), (x, theta))
    assert all(g.isfinite().all() for g in grads)


def test_it_agrees_with_zuko_number_for_number():
    """The same widths, heights and slopes. Kills: any slip in equation 4."""
    spline = RationalQuadraticSpline(bins=5, reach=2.0)
    x, theta = setting(spline)
    ends = [spline._ends(theta[:, :5]), spline._ends(theta[:, 5:10])]
    one = torch.expm1(torch.tensor(0.999)).log()
    slopes = torch.nn.functional.softplus(theta[:, 10:] + one) + 1e-3
    peer = transforms.MonotonicRQSTransform(
        torch.zeros(40, 6, 5), torch.zeros(40, 6, 5), torch.zeros(40, 6, 4), bound=2.0
    )
    peer.horizontal, peer.vertical = ends[0].movedim(1, -1), ends[1].movedim(1, -1)
    peer.derivatives = torch.nn.functional.pad(slopes, (0, 0, 1, 1), value=1.0).movedim(1, -1)
    z, log_slope = spline.encode(x, theta)
    expected, expected_slope = peer.call_and_ladj(x)
    assert_close(z, expected)
    assert_close(log_slope, expected_slope)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Affine(0), r"bound: expected.*got 0"),
        (lambda: RationalQuadraticSpline(bins=1), r"bins: expected.*got 1"),
        (lambda: RationalQuadraticSpline(reach=-1), r"reach: expected.*got -1"),
        (lambda: RationalQuadraticSpline(bins=4, least=0.25), r"least: expected less.*got 0.25"),
        (lambda: RationalQuadraticSpline(least=0), r"least: expected.*got 0"),
    ],
)
def test_impossible_numbers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
