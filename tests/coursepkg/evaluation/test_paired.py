import math

import pytest
import torch

from coursepkg.evaluation import paired
from coursepkg.rng import seeded


@pytest.mark.equation("paired-error")
def test_the_difference_by_hand():
    """Gaps 1, 3 and 2: mean 2, standard deviation 1. Kills: a sign, N for N - 1, no root."""
    found = paired(torch.tensor([11.0, 23.0, 32.0]), torch.tensor([10.0, 20.0, 30.0]))
    assert found.value == pytest.approx(2)
    assert found.error == pytest.approx(1 / math.sqrt(3))


@pytest.mark.equation("paired-error")
def test_what_is_hard_for_both_cancels():
    """The variance formula: var a + var b - 2 cov. Kills: errors added as if independent."""
    hard = 10 * torch.randn(400, generator=seeded(0), dtype=torch.float64)
    a, b = (hard + torch.randn(400, generator=seeded(s), dtype=torch.float64) for s in (1, 2))
    C = torch.cov(torch.stack([a, b]))
    expected = math.sqrt((C[0, 0] + C[1, 1] - 2 * C[0, 1]).item() / 400)
    assert paired(a, b).error == pytest.approx(expected, rel=1e-9)
    assert paired(a, b).error < math.hypot(a.std(), b.std()) / 20 / 5


def test_constants_move_the_value_and_not_the_error():
    a = torch.randn(9, generator=seeded(0), dtype=torch.float64)
    assert paired(a + 3, a) == pytest.approx((3, 0), abs=1e-12)


@pytest.mark.parametrize(("a", "b"), [((3,), (4,)), ((1,), (1,)), ((3, 1), (3, 1)), ((3,), (3, 1))])
def test_what_is_not_paired_is_refused(a, b):
    with pytest.raises(ValueError, match="expected two vectors of one length"):
        paired(torch.zeros(a), torch.zeros(b))


def test_a_difference_that_single_precision_cannot_say():
    """3e38 and -3e38 differ by 6e38. Kills: a difference taken before the precision is raised."""
    a, b = torch.tensor([3e38, 1.0]).float(), torch.tensor([-3e38, 1.0]).float()
    value, error = paired(a, b)
    assert value == pytest.approx(3e38, rel=1e-6)
    assert error == pytest.approx(3e38, rel=1e-6)
