"""Linear layers: Jacobians, matrices, starts."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.flows import ActNorm, LULinear, rotation
from coursepkg.rng import seeded
from tests.coursepkg.models.flows.truth import check_transform, shaken


def points(n: int = 3, dim: int = 6) -> torch.Tensor:
    return torch.randn(n, dim, generator=seeded(9))


def test_actnorm_starts_at_mean_and_variance_of_the_data():
    """Kills: the variance for its root, the sample correction, a scale that multiplies."""
    x = 2 + 3 * points(50)
    layer = ActNorm(6)
    assert layer.fit(x) is layer
    z, log_det = layer.encode(x)
    assert_close(z.mean(0), torch.zeros(6))
    assert_close(z.square().mean(0), torch.ones(6))
    assert_close(log_det[0], -x.std(0, correction=0).log().sum())
    check_transform(layer, x[:3])


def test_actnorm_before_its_start_is_the_identity():
    z, log_det = ActNorm(6).encode(points())
    assert torch.equal(z, points())
    assert not log_det.any()


@pytest.mark.equation("actnorm")
def test_actnorm_is_its_equation():
    """With parameters far from any start. Kills: μ added, σ multiplied, its log-determinant."""
    layer, x = shaken(ActNorm(6), seeded(5)), points()
    mean, std = layer.shift.detach(), layer.log_scale.exp().detach()
    z, log_det = layer.encode(x)
    assert_close(z.detach(), (x - mean) / std)
    assert_close(log_det.detach(), -std.log().sum().expand(3))
    check_transform(layer, x)
    assert mean.abs().min() > 0.01, "vacuous: no shift"


@pytest.mark.equation("channel-mixing")
@pytest.mark.parametrize("places", [1, 3])
def test_an_lu_layer_is_its_matrix_at_every_place(places):
    """Kills: the transpose, a sign lost, one determinant for all places, factors that leak."""
    matrix = torch.randn(4, 4, generator=seeded(3))
    layer, x = LULinear(matrix, places=places), points(dim=4 * places)
    z, log_det = layer.encode(x)
    expected = torch.einsum("ij,bjp->bip", matrix, x.view(3, 4, places)).flatten(1)
    assert_close(z, expected)
    assert_close(log_det, (places * torch.linalg.slogdet(matrix).logabsdet).expand(3))
    assert torch.linalg.slogdet(matrix).logabsdet.abs() > 0.1, "vacuous: no volume"
    U = layer.factors()[1]
    assert_close(log_det, (places * U.diagonal().abs().log().sum()).expand(3))
    check_transform(layer, x)
    check_transform(shaken(layer, seeded(4)), x)


def test_its_diagonal_keeps_its_signs():
    """A reflection stays one. Kills: exp(log|U|) without the sign."""
    matrix = torch.diag(torch.tensor([1.0, -2.0, 3.0]))
    assert_close(LULinear(matrix).encode(torch.ones(1, 3))[0], torch.tensor([[1.0, -2.0, 3.0]]))


def test_a_rotation_keeps_lengths():
    Q = rotation(5, generator=seeded(0))
    assert_close(Q @ Q.T, torch.eye(5))
    assert (Q - torch.eye(5)).abs().max() > 0.3
    assert not torch.equal(Q, rotation(5, generator=seeded(1)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LULinear(torch.ones(3, 3)), r"matrix: expected an invertible one, got condition"),
        (lambda: LULinear(torch.zeros(3, 3)), r"matrix: expected an invertible one, got condition"),
        (lambda: LULinear(torch.full((2, 2), torch.nan)), r"matrix: expected finite.*got 4 NaN"),
        (lambda: LULinear(torch.eye(2).long()), r"matrix: expected a floating-point.*torch.int64"),
        (lambda: LULinear(torch.ones(3, 2)), r"matrix: expected shape \(C, C\), got \(3, 2\)"),
        (lambda: LULinear(torch.eye(3), places=0), r"places: expected.*got 0"),
        (lambda: LULinear(torch.eye(3)).encode(points()), r"x: expected shape"),
        (lambda: LULinear(torch.eye(3)).decode(points()), r"z: expected shape"),
        (lambda: ActNorm(3).encode(points()), r"x: expected shape"),
        (lambda: ActNorm(3).decode(points()), r"z: expected shape"),
        (lambda: ActNorm(6).fit(torch.ones(4, 6)), r"x: expected.*vary, got 6 constant"),
        (lambda: ActNorm(0), r"dim: expected"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_actnorm_of_small_numbers():
    """Units of 1e-25 in single precision. Kills: squares that are rounded to 0."""
    x = 1e-25 * torch.randn(50, 2, generator=seeded(0)).float()
    layer = ActNorm(2).float().fit(x)
    z, _ = layer.encode(x)
    assert_close(z.std(0, correction=0), torch.ones(2).float(), rtol=1e-5, atol=0)
