"""What is one number, and what is not."""

import numpy as np
import pytest
import torch

from coursepkg.scalars import is_number
from coursepkg.validate import check_positive

ONE = [1, 2.5, -0.0, float("nan"), np.float32(1), np.int64(3), torch.tensor(0.1), torch.tensor(3)]
NONE = [True, "3", None, 1j, [1.0], torch.ones(1), torch.tensor(True), torch.tensor(1j), np.True_]


@pytest.mark.parametrize("value", ONE, ids=repr)
def test_numbers_of_any_library_are_numbers(value):
    """Kills: Python's own only, no tensor (), NaN that is none."""
    assert is_number(value)


@pytest.mark.parametrize("value", NONE, ids=repr)
def test_what_is_no_number(value):
    """Kills: True, text, tensors of one entry that are not ()."""
    assert not is_number(value)


def test_a_step_size_may_be_a_tensor_of_one_number():
    """As a loop over `torch.linspace` gives it. Kills: a check that wants Python's own."""
    check_positive(step_size=torch.tensor(0.02))
    with pytest.raises(ValueError, match=r"^step_size: expected a finite number > 0, got -1"):
        check_positive(step_size=torch.tensor(-1.0))
