"""Scaling laws: recovered where they hold, and their optimum against a search."""

import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.language.scaling import ScalingLaw, fit_scaling_law, operations

LAW = ScalingLaw(1.3, 40.0, 300.0, 0.4, 0.5)
SIZES, DATA = torch.tensor([3e3, 1e4, 4e4, 2e5]), torch.tensor([3e4, 1e5, 4e5, 2e6])
N, D = (x.flatten() for x in torch.meshgrid(SIZES, DATA, indexing="ij"))


@pytest.mark.equation("scaling-law")
def test_a_law_is_read_from_its_values():
    """All five numbers. Kills: powers swapped, a sign, the scale of the median forgotten."""
    assert LAW.at(torch.tensor(1e4), torch.tensor(1e6)).item() == pytest.approx(
        1.3 + 40 / 1e4**0.4 + 300 / 1e6**0.5
    )
    found = fit_scaling_law(N, D, LAW.at(N, D))
    assert_close(torch.tensor(found), torch.tensor(LAW), rtol=1e-4, atol=0)


def test_noise_moves_it_little_and_one_bad_run_hardly_more(generator):
    """Kills: plain squares, an error of the loss in place of its logarithm."""
    noisy = LAW.at(N, D) * torch.exp(0.003 * torch.randn(len(N), generator=generator))
    spoilt = noisy.clone()
    spoilt[3] *= 2
    for losses in (noisy, spoilt):
        found = fit_scaling_law(N, D, losses)
        rest = torch.arange(len(N)) != 3
        assert (found.at(N, D)[rest] / LAW.at(N, D)[rest]).log().abs().max() < 0.02


@pytest.mark.equation("scaling-optimum")
@pytest.mark.parametrize("compute", [1e9, 1e12])
def test_the_best_size_is_that_of_a_search(compute):
    """Kills: data for size, a without b."""
    sizes = torch.logspace(2, 9, 700_001)
    losses = LAW.at(sizes, compute / 6 / sizes)
    best = sizes[losses.argmin()].item()
    assert LAW.best_size(compute) == pytest.approx(best, rel=1e-3)
    assert operations(1000, 500) == pytest.approx(3e6)


@pytest.mark.equation("scaling-law")
def test_other_laws_are_found_too(generator):
    """Twelve, of any powers and terms. Kills: one start that ends in another valley."""
    for draws in torch.rand(12, 5, generator=generator):
        floor, size_part, data_part, a, b = (
            0.1 + 0.9 * draws
        ).tolist()  # parts at N, D in the middle
        law = ScalingLaw(floor, size_part * 2e4**a, data_part * 2e5**b, a, b)
        assert_close(torch.tensor(fit_scaling_law(N, D, law.at(N, D))), torch.tensor(law),
                     rtol=1e-3, atol=0)  # fmt: skip


def test_whole_numbers_lists_and_gradients_do():
    """Kills: an array that cannot be made of a tensor with a gradient."""
    loss = LAW.at(N, D).requires_grad_()
    found = fit_scaling_law(N.long(), D.long(), loss)
    assert found == fit_scaling_law(N.tolist(), D.tolist(), loss.tolist())


def test_without_a_trade_there_is_no_best_size():
    """Kills: a root of a number below 0, which is complex."""
    for name, bad in (
        ("size_power", -0.4), ("data_power", 0.0), ("of_size", -1.0), ("of_data", math.nan),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"{name}: expected a finite number > 0, got"):
            LAW._replace(**{name: bad}).best_size(1e9)
    for compute in (0.0, -1.0, math.inf):
        with pytest.raises(ValueError, match="compute: expected a finite number > 0, got"):
            LAW.best_size(compute)


def test_what_cannot_be_is_refused():
    loss = LAW.at(N, D)
    for rows in ((N[:4], D[:4], loss[:4]), (N, D, loss[:-1]), (N[None], D[None], loss[None])):
        with pytest.raises(ValueError, match="expected five or more runs"):
            fit_scaling_law(*rows)
    for bad in (0.0, -1.0, math.nan, math.inf):
        spoilt = loss.clone()
        spoilt[2] = bad
        with pytest.raises(ValueError, match="loss: expected finite numbers > 0, got"):
            fit_scaling_law(N, D, spoilt)
    two = torch.tensor([1e3, 1e4]).repeat(8)  # a floor, or a power? Both fit
    for rows, name in (((two, D), "size"), ((N, two), "data"), ((N, two * 0 + 1), "data")):
        with pytest.raises(ValueError, match=f"{name}: expected three or more different ones, got"):
            fit_scaling_law(*rows, loss)


def test_a_best_size_that_is_no_float_is_refused():
    """Kills: Python's OverflowError, which names nothing."""
    with pytest.raises(ValueError, match=r"expected powers whose best size is a float, got e\^"):
        ScalingLaw(1.0, 1e3, 1.0, 1e-3, 1e-3).best_size(1e30)
