"""The Gaussian as an energy model against torch's own."""

import pytest
import torch
from torch.distributions import MultivariateNormal

from coursepkg.enumeration import Normalised
from coursepkg.models.energy import GaussianEnergy
from coursepkg.rng import seeded


def gaussian(dim=3):
    model = GaussianEnergy(dim, generator=seeded(0))
    with torch.no_grad():
        model.mean.normal_(generator=seeded(1))
        model.factor.add_(torch.randn(dim, dim, generator=seeded(2)))  # above the diagonal too
        model.factor[0, 0] = -1.3
    return model


def test_it_is_the_normal_law_of_its_precision(generator):
    """Kills: L for Lᵀ, a lost ½, log det with the wrong sign, a negative diagonal."""
    model = gaussian()
    x = 2 * torch.randn(50, 3, generator=generator)
    normal = MultivariateNormal(model.mean, precision_matrix=model.precision)
    torch.testing.assert_close(Normalised(model).log_prob(x), normal.log_prob(x))


def test_precision_is_symmetric_and_ignores_what_lies_above_the_diagonal():
    model = gaussian()
    before = model.precision.detach()
    with torch.no_grad():
        model.factor[0, 2] += 5
    torch.testing.assert_close(model.precision, before)
    torch.testing.assert_close(before, before.T)
    assert torch.linalg.eigvalsh(before).min() > 0


def test_the_start_is_near_the_standard_normal():
    start = GaussianEnergy(2, generator=seeded(3))
    assert (start.precision - torch.eye(2)).abs().max() < 1
    assert not torch.equal(start.factor, GaussianEnergy(2, generator=seeded(4)).factor)
    with pytest.raises(ValueError, match=r"dim: expected.*got 0"):
        GaussianEnergy(0, generator=seeded(0))


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (torch.zeros(2, 4), "shape"),
        (torch.tensor([[0.0, torch.nan, 1.0]]), "NaN"),
        (torch.zeros(2, 3, dtype=torch.int64), "floating"),
    ],
)
def test_bad_input_is_refused(bad, word):
    with pytest.raises((ValueError, TypeError), match=r"expected.*got") as caught:
        gaussian().free_energy(bad)
    assert word in str(caught.value)
