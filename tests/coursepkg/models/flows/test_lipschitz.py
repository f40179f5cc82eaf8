"""Singular values: against dense matrices, of dense layers and of convolutions."""

import pytest
import torch
from torch.nn.functional import conv2d, pad
from torch.testing import assert_close

from coursepkg.models.flows import (
    ContractiveMLP,
    SpectralLinear,
    circular_convolution_norm,
    convolution_norm,
    power_iteration,
)
from coursepkg.rng import seeded
from tests.coursepkg.models.flows.truth import pressed

SIDE = 5


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed))


def test_power_iteration_converges_from_below_at_the_rate_of_the_gap():
    """A = diag(2, 1.6, 0.3). Kills: A for AᵀA, a vector that is not normalised."""
    A = torch.diag(torch.tensor([2.0, 1.6, 0.3]))
    start = torch.ones(3)
    found = torch.stack([
        power_iteration(lambda v: A @ v, lambda u: A.T @ u, start, steps=n) for n in (1, 5, 10)
    ])
    once = torch.tensor([4.0, 2.56, 0.09])  # AᵀA v, by hand
    assert_close(found[0], (A @ once).norm() / once.norm())
    error = 2 - found
    assert (error > 0).all()
    ratio = (error[2] / error[1]).item()
    assert ratio == pytest.approx((1.6 / 2) ** (4 * 5), rel=0.02)


@pytest.mark.equation("power-iteration")
@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (5, 5)])
def test_power_iteration_is_a_weighted_mean_of_squares(shape):
    """From the SVD. Kills: a step too few, powers of 2n."""
    W, start = randn(*shape), randn(shape[1], seed=3)
    _, sigma, Vt = torch.linalg.svd(W)
    sigma = torch.cat([sigma, torch.zeros(shape[1] - len(sigma))])
    b = torch.cat([Vt, torch.zeros(0, shape[1])]) @ start
    for n in (1, 2, 5):
        found = power_iteration(lambda r: W @ r, lambda y: W.T @ y, start, steps=n)
        expected = (sigma ** (4 * n + 2) * b**2).sum() / (sigma ** (4 * n) * b**2).sum()
        assert_close(found**2, expected)


def allowed(sigma, b, n):
    """How much of σ_1² may be missing after n steps from a start with coordinates b."""
    share = b[0] ** 2 / b.square().sum()
    return (1 - share) / share * (sigma[1] / sigma[0]) ** (4 * n)


@pytest.mark.equation("power-convergence")
@pytest.mark.parametrize("ratio", [0.1, 0.7, 0.95])
def test_power_iteration_misses_no_more_than_is_allowed(ratio):
    """Nearly attained where the second value is small. Kills: a power of 4 (n + 1)."""
    sigma, b = torch.tensor([2.0, 2 * ratio, ratio]), torch.tensor([1.0, 5.0, 0.1])
    W = torch.diag(sigma)
    for n in (1, 3):
        found = power_iteration(lambda r: W @ r, lambda y: W.T @ y, b, steps=n)
        missing = 1 - found**2 / 4
        assert -1e-12 <= missing <= allowed(sigma, b, n) * (1 + 1e-9) + 1e-12
        assert n > 1 or ratio > 0.1 or missing > 0.9 * allowed(sigma, b, n)


def between(reshaped, m):
    """The least and the largest norm that a convolution with a kernel of this norm may have."""
    return reshaped, m * reshaped


@pytest.mark.equation("convolution-norm")
@pytest.mark.parametrize("m", [1, 3, 5])
def test_a_convolution_between_its_kernel_and_m_times_it(m):
    """Kernels at random, wrapped and with zeros around; two of them attain the ends.

    Kills: frequencies averaged, a bound of m², the kernel's own norm.
    """
    side = 9
    for seed in range(3):
        kernel = randn(2, 3, m, m, seed=seed)
        reshaped = torch.linalg.matrix_norm(kernel.flatten(1), 2)
        start = randn(3, side, side, seed=9)
        zeros = convolution_norm(kernel, (side, side), start=start, steps=500)
        least, most = between(reshaped, m)
        for norm in (zeros, circular_convolution_norm(kernel, (side, side))):
            assert least * (1 - 1e-9) <= norm <= most * (1 + 1e-9)
    flat, point = torch.full((1, 1, m, m), 0.7), torch.zeros(1, 1, m, m)
    point[..., m // 2, m // 2] = 0.7
    for kernel, end in ((point, 0), (flat, 1)):
        ends = between(torch.linalg.matrix_norm(kernel.flatten(1), 2), m)
        assert_close(circular_convolution_norm(kernel, (side, side)), ends[end])


def test_power_iteration_of_a_matrix_that_is_not_symmetric_or_square():
    """Against the SVD, with the gradient of σ, u vᵀ. Kills: AᵀA taken for A², a detached A."""
    W = randn(4, 6).requires_grad_()
    sigma = power_iteration(lambda v: W @ v, lambda u: W.T @ u, randn(6, seed=1), steps=300)
    U, S, V = torch.linalg.svd(W.detach())
    assert_close(sigma.detach(), S[0])
    (slope,) = torch.autograd.grad(sigma, W)
    assert_close(slope, torch.outer(U[:, 0], V[0]))


def matrix(convolve) -> torch.Tensor:
    """The dense matrix of a linear map of (2, SIDE, SIDE) images."""
    images = torch.eye(2 * SIDE**2).view(-1, 2, SIDE, SIDE)
    return convolve(images).flatten(1).T


def test_the_norm_of_a_convolution_is_that_of_its_matrix():
    """Zeros around the image. Kills: the kernel reshaped as a matrix, a padding that is off."""
    kernel = randn(3, 2, 3, 3)
    exact = torch.linalg.matrix_norm(matrix(lambda v: conv2d(v, kernel, padding=1)), 2)
    found = convolution_norm(kernel, (SIDE, SIDE), start=randn(2, SIDE, SIDE, seed=1), steps=400)
    assert_close(found, exact, rtol=1e-6, atol=0)
    reshaped = torch.linalg.matrix_norm(kernel.flatten(1), 2)
    assert reshaped < 0.8 * exact, "vacuous: the wrong norm would do"


def test_the_norm_of_a_circular_convolution_is_exact():
    """Also where the steepest frequency is none of the real ones. Kills: real parts only."""
    steepest = set()
    for seed in range(6):
        kernel = randn(3, 2, 3, 3, seed=seed)

        def convolve(v, kernel=kernel):
            return conv2d(pad(v, (1, 1, 1, 1), mode="circular"), kernel)

        exact = torch.linalg.matrix_norm(matrix(convolve), 2)
        assert_close(circular_convolution_norm(kernel, (SIDE, SIDE)), exact)
        steepest.add(bool(exact > 1.001 * torch.linalg.matrix_norm(kernel.sum((2, 3)), 2)))
    assert steepest == {True, False} or steepest == {True}, "vacuous: always the mean frequency"


def test_a_spectral_layer_is_scaled_down_and_never_up():
    """Kills: small weights blown up to the bound, the bias scaled, the bound ignored."""
    layer = SpectralLinear(6, 4, bound=0.7, steps=200, generator=seeded(0))
    with torch.no_grad():
        layer.linear.weight.mul_(10)
    assert_close(torch.linalg.matrix_norm(layer.weight(), 2).detach(), torch.tensor(0.7))
    x = randn(3, 6)
    assert_close(layer(x), x @ layer.weight().T + layer.linear.bias)
    with torch.no_grad():
        layer.linear.weight.mul_(1e-3)
    assert torch.equal(layer.weight(), layer.linear.weight)


def test_weights_of_zero_can_learn():
    """Kills: bound / σ, whose gradient is not a number at a layer that starts at zero."""
    layer = SpectralLinear(3, 2, bound=0.5, generator=seeded(0))
    torch.nn.init.zeros_(layer.linear.weight)
    x = randn(4, 3)
    (slope,) = torch.autograd.grad(layer(x).sum(), layer.linear.weight)
    assert_close(slope, x.sum(0).expand(2, 3))


def test_a_contractive_network_contracts():
    """Jacobian norms at many points, with weights that press on the bound.

    Along the steepest direction it comes near the bound, so that a smaller one would fail too.
    Kills: a share too few.
    """
    net = ContractiveMLP([3, 12, 12, 3], contraction=0.9, steps=100, generator=seeded(0))
    pressed(net, seeded(5))
    x = 5 * randn(50, 3, seed=1)
    J = torch.func.vmap(torch.func.jacrev(lambda row: net(row[None])[0]))(x)
    norms = torch.linalg.matrix_norm(J, 2)
    assert norms.max() <= 0.9
    assert norms.max() > 0.1, "vacuous: flat"
    sizes = [torch.linalg.matrix_norm(layer.weight(), 2) for layer in net.layers]
    assert_close(torch.stack(sizes).prod().detach(), torch.tensor(0.9), rtol=1e-3, atol=0)


def test_its_nonlinearity_has_slope_at_most_one():
    """One unit, W = 1: Kills: SiLU without 1.1, whose slope reaches 1.0998."""
    net = ContractiveMLP([1, 1, 1], contraction=0.99, generator=seeded(0))
    with torch.no_grad():
        for layer in net.layers:
            layer.linear.weight.fill_(100.0)
            layer.linear.bias.zero_()
    x = torch.linspace(-6, 6, 2001)[:, None].requires_grad_()
    (slope,) = torch.autograd.grad(net(x).sum(), x)
    assert 0.985 < slope.max() <= 0.99


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ContractiveMLP([2, 2], contraction=1.0, generator=seeded(0)),
         r"contraction: expected a Lipschitz constant in \(0, 1\), got 1.0"),
        (lambda: ContractiveMLP([2], contraction=0.5, generator=seeded(0)), r"widths: exp.*\[2\]"),
        (lambda: ContractiveMLP([2, 2], contraction=0.0, generator=seeded(0)), r"got 0.0"),
        (lambda: SpectralLinear(2, 2, bound=0, generator=seeded(0)), r"bound: expected.*got 0"),
        (lambda: SpectralLinear(2, 2, bound=1, steps=0, generator=seeded(0)), r"steps: expected"),
        (lambda: power_iteration(lambda v: v, lambda v: v, torch.ones(2), steps=0), r"steps: exp"),
        (lambda: convolution_norm(randn(1, 1, 2, 2), (3, 3), start=randn(1, 3, 3), steps=1),
         r"expected.*odd k, got"),
        (lambda: convolution_norm(randn(1, 1, 3, 3), (3, 3), start=randn(2, 3, 3), steps=1),
         r"expected shapes.*got"),
    ],
)  # fmt: skip
def test_what_is_no_contraction_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e-7, 1e20, 1e30])
def test_power_iteration_in_other_units(scale):
    """σ of scale · W. Kills: WᵀW that is 0 or ∞ in float32, and a length of 1e-12 taken for 0."""
    W = scale * torch.tensor([[2.0, 1.0], [0.0, 1.0]]).float()
    sigma = power_iteration(lambda r: W @ r, lambda y: W.T @ y, torch.ones(2).float(), steps=30)
    expected = torch.linalg.svdvals(W.double()).max().item()
    assert sigma.item() == pytest.approx(expected, rel=1e-5)
