"""PCA: eigenvalues, the least error of all subspaces, angles."""

import math

import numpy as np
import pytest
import torch
from sklearn import decomposition
from torch.testing import assert_close

from coursepkg.models.autoencoders.pca import PCA, principal_angles, principal_axes
from coursepkg.rng import seeded
from tests.coursepkg.models.autoencoders.truth import D, M, cloud, covariance


@pytest.mark.equation("pca-svd")
@pytest.mark.parametrize("n", [400, 3])
def test_axes_are_eigenvectors_of_the_covariance(n):
    """Kills: divisor N - 1, singular values for their squares, data that are not centred."""
    x = cloud(n)
    S = covariance(x)
    mean, axes, variances = principal_axes(x)
    k = min(n, D)
    assert axes.shape == (k, D)
    assert_close(mean, sum(x) / n)
    assert_close(axes @ axes.T, torch.eye(k))
    assert_close(S @ axes.T, axes.T * variances, atol=1e-9, rtol=0)
    assert (variances.diff() < 0).all()
    assert_close(variances, torch.linalg.eigvalsh(S).flip(0)[:k], atol=1e-9, rtol=0)


def test_signs_repeat():
    """Kills: signs left to the library, the smallest entry in place of the largest."""
    x = cloud()
    axes = principal_axes(x).axes
    assert (axes.gather(1, axes.abs().argmax(1, keepdim=True)) > 0).all()
    assert_close(principal_axes(2 - x).axes, axes)


@pytest.mark.equation("pca-error")
@pytest.mark.parametrize("components", [1, 2, 4, 5])
def test_the_error_is_what_is_left_of_the_eigenvalues_and_no_plane_has_less(components):
    """Kills: the variances that are kept, one axis too many, a mean that is not added back."""
    x = cloud()
    values = torch.linalg.eigvalsh(covariance(x)).flip(0)
    pca = PCA(components, dim=D).fit(x)
    error = (x - pca.reconstruct(x)).square().sum(1).mean()
    assert_close(error, values[components:].sum(), atol=1e-9, rtol=0)
    away, generator = x - x.mean(0), seeded(3)
    for _ in range(50):
        Q = torch.linalg.qr(torch.randn(D, components, generator=generator))[0]
        nearest = away - away @ Q @ Q.T
        of_all = values.sum() - torch.trace(Q.T @ covariance(x) @ Q)
        assert_close(nearest.square().sum(1).mean(), of_all)
        assert of_all > error - 1e-9


def test_codes_are_uncorrelated_with_the_variances():
    pca = PCA(M, dim=D).fit(cloud())
    assert_close(covariance(pca.code(cloud())), torch.diag(pca.variances))
    assert_close(pca.code(pca.decode(torch.eye(M))), torch.eye(M))


def test_scikit_learn_says_the_same():
    """Kills: rows and columns exchanged."""
    x = cloud()
    theirs = decomposition.PCA(M).fit(x.numpy())
    ours = PCA(M, dim=D).fit(x)
    assert_close(ours.axes.abs(), torch.tensor(np.abs(theirs.components_)))
    assert_close(ours.variances * 400 / 399, torch.tensor(theirs.explained_variance_))
    assert_close(ours.reconstruct(x), torch.tensor(theirs.inverse_transform(theirs.transform(x))))


def test_before_fit_it_is_the_first_coordinates():
    x = cloud(3)
    assert torch.equal(PCA(M, dim=D).reconstruct(x), torch.cat([x[:, :M], 0 * x[:, M:]], dim=1))


def test_fit_works_in_double_precision_and_keeps_the_type():
    """Kills: an SVD of single numbers, whose mean is off by as much as x varies."""
    x = (cloud() * torch.tensor([1.0, 1.0, 1.0, 1.0, 1e-2]) + 1000).float()
    pca = PCA(D, dim=D).float()
    assert pca.fit(x) is pca
    assert pca.code(x).dtype == torch.float32
    exact = torch.linalg.eigvalsh(covariance(x.double())).flip(0)
    assert_close(pca.variances.double(), exact, rtol=1e-6, atol=0)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_a_plane_in_single_precision_has_the_rank_of_a_plane(offset):
    """Kills: the rounding of the given numbers taken for variance."""
    G = torch.randn(2, D, generator=seeded(1))
    flat = (torch.randn(50, 2, generator=seeded(0)) @ G + offset).float()
    PCA(2, dim=D).float().fit(flat)
    with pytest.raises(ValueError, match="variance along 3 axes or more, got 2"):
        PCA(3, dim=D).float().fit(flat)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.3, 1.2, math.pi / 2])
def test_angles_of_planes_that_were_turned(angle):
    """Kills: the arc cosine, which rounds 1e-9 to 0; sines for angles; the order; a missing QR."""
    first = torch.eye(5)[:, :2]
    second = first.clone()
    second[0, 0], second[2, 0] = math.cos(angle), math.sin(angle)
    mix = torch.randn(2, 2, 2, generator=seeded(0))
    turn = torch.linalg.qr(torch.randn(5, 5, generator=seeded(1)))[0]
    found = principal_angles(turn @ first @ mix[0], turn @ second @ mix[1])
    assert_close(found, torch.tensor([angle, 0.0]), atol=1e-14, rtol=1e-6)


FULL = torch.eye(3)[:, :2] + 0.1


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_columns_may_be_short_or_long(scale):
    """Kills: a rank that depends on units."""
    assert_close(principal_angles(scale * FULL, FULL), torch.zeros(2), atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PCA(6, dim=5), r"components: expected 1\.\.5, got 6"),
        (lambda: PCA(0, dim=5), r"components: expected 1\.\.5, got 0"),
        (lambda: PCA(1, dim=0), r"dim: expected"),
        (lambda: PCA(2, dim=5).fit(torch.ones(9, 5)), r"x: expected variance along 2 axes.*got 0"),
        (lambda: PCA(3, dim=5).fit(cloud(3)), r"x: expected variance along 3 axes or more, got 2"),
        (lambda: PCA(2, dim=4).fit(cloud()), r"x: expected shape \(B, 4\)"),
        (lambda: PCA(2, dim=5).fit(cloud() / 0), r"x: expected finite numbers"),
        (lambda: PCA(2, dim=5).code(cloud(dim=4)), r"x: expected shape"),
        (lambda: PCA(2, dim=5).decode(cloud()), r"z: expected shape"),
        (lambda: principal_angles(torch.ones(3, 2), torch.ones(3, 1)), r"expected the same shape"),
        (lambda: principal_angles(torch.ones(2, 3), torch.ones(2, 3)), r"with M <= D, got \(2, 3"),
        (lambda: principal_angles(torch.ones(2), torch.ones(2)), r"expected the same shape"),
        (lambda: principal_angles(torch.ones(3, 2), FULL), r"one: expected 2 independent.*got 1"),
        (lambda: principal_angles(FULL, torch.zeros(3, 2)), r"two: expected 2 independent.*got 0"),
        (lambda: principal_angles(FULL, FULL / 0), r"two: expected finite"),
        (lambda: principal_angles(FULL / 0, FULL), r"one: expected finite"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_axes_of_data_far_from_zero_in_single_precision():
    """Kills: a mean in float32, whose error is a direction of its own."""
    x = torch.randn(501, 3, generator=seeded(0))
    x = (x * torch.tensor([3.0, 1.0, 1e-2]) + 1e4).float()
    single, double = principal_axes(x), principal_axes(x.double())
    assert single.axes.dtype == torch.float32
    assert_close(single.axes.double(), double.axes, rtol=0, atol=1e-5)
    assert_close(single.variances.double(), double.variances, rtol=1e-5, atol=0)


def test_a_variance_that_single_precision_cannot_say_is_refused():
    """Kills: infinite variances without a word."""
    x = 1e20 * torch.randn(10, 2, generator=seeded(0)).float()
    with pytest.raises(ValueError, match="largest_variance: expected a finite number > 0, got inf"):
        PCA(1, dim=2).float().fit(x)


def test_a_small_angle_in_single_precision():
    """2^-18 radians. Kills: orthonormal columns in float32, good to 1e-7 only."""
    one = torch.tensor([[3.0], [4.0]]).float()
    two = one + 2**-18 * torch.tensor([[-4.0], [3.0]]).float()
    assert principal_angles(one, two).item() == pytest.approx(2**-18, rel=1e-6)
