"""Every check refuses what it names, says what came, and lets good input through."""

import math

import pytest
import torch
from torch import nn

from coursepkg.validate import (
    check_binary,
    check_levels,
    check_mask,
    check_odd,
    check_order,
    check_positive,
    check_real,
    check_rows,
    check_weights,
    check_whole,
)

GOOD_LEVELS = torch.tensor([[0, 1, 16], [3, 4, 5]])


def test_good_input_passes():
    check_levels(GOOD_LEVELS, event=(3,), levels=17)
    check_levels(torch.tensor([0, 1]), event=(), levels=2)
    check_real(torch.rand(2, 4, 4, generator=torch.Generator()), event=(4, 4))
    check_binary(torch.tensor([[0.0, 1.0], [1.0, 1.0]]), event=(2,))
    check_positive(step_size=1e-9)
    check_levels(GOOD_LEVELS, levels=17)  # an event of any shape
    check_mask(GOOD_LEVELS > 3, GOOD_LEVELS)
    check_mask(GOOD_LEVELS[0] > 3, GOOD_LEVELS)
    check_order(torch.tensor([2, 0, 1]), dim=3)
    check_odd(1)
    check_odd(5, least=5)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([[0, 1, 2]], TypeError, "expected a torch.Tensor, got list"),
        (GOOD_LEVELS.double(), TypeError, r"integer levels 0\.\.16, got dtype torch.float64"),
        (GOOD_LEVELS.bool(), TypeError, "torch.bool"),
        (GOOD_LEVELS[:, :2], ValueError, r"expected shape \(B, 3\), got \(2, 2\)"),
        (GOOD_LEVELS[0], ValueError, r"expected shape \(B, 3\), got \(3,\)"),
        (GOOD_LEVELS[:0], ValueError, "at least one example"),
        (GOOD_LEVELS - 1, ValueError, "from -1 to 15"),
        (GOOD_LEVELS + 1, ValueError, "from 1 to 17"),
    ],
)
def test_bad_levels_are_refused(x, error, message):
    with pytest.raises(error, match=message):
        check_levels(x, event=(3,), levels=17)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.ones(2, 3, dtype=torch.int64), TypeError, "floating-point tensor, got dtype"),
        (torch.ones(2, 4), ValueError, r"expected shape \(B, 3\), got \(2, 4\)"),
        (torch.ones(0, 3), ValueError, "at least one"),
        (torch.tensor([[1.0, math.nan, math.inf]]), ValueError, "got 2 NaN or inf"),
    ],
)
def test_bad_reals_are_refused(x, error, message):
    with pytest.raises(error, match=message):
        check_real(x, event=(3,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_finite_numbers_pass_however_large_their_sum(dtype):
    """Kills: a sum that overflows, or that is ∞ - ∞ on the way, taken for an entry that does."""
    largest = torch.finfo(dtype).max
    for row in ([largest] * 3, [-largest] * 3, [largest, largest, -largest]):
        check_real(torch.tensor([row] * 4, dtype=dtype), event=(3,))
        check_weights(nn.ParameterDict({"W": torch.tensor(row, dtype=dtype)}))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_no_bad_number_hides_in_a_sum(dtype):
    """Kills: NaN or infinities that a quick look at the sum lets through, whatever is beside."""
    largest, inf, nan = torch.finfo(dtype).max, math.inf, math.nan
    for count, row in (
        (1, [0.0, nan, 0.0]),
        (1, [0.0, inf, 0.0]),
        (1, [0.0, -inf, 0.0]),
        (2, [inf, -inf, 1.0]),
        (3, [inf, -inf, nan]),
        (1, [largest, largest, -inf]),
        (1, [-largest, -largest, inf]),
        (1, [largest, largest, nan]),
    ):
        x = torch.zeros(5, 3, dtype=dtype)
        x[3] = torch.tensor(row, dtype=dtype)
        with pytest.raises(ValueError, match=f"x: expected finite numbers, got {count} NaN or inf"):
            check_real(x, event=(3,))
        with pytest.raises(ValueError, match=f"W: expected finite weights, got {count} NaN"):
            check_weights(nn.ParameterDict({"W": x}))


def test_tensors_with_a_gradient_are_looked_at_without_a_warning():
    """Kills: a number read off a tensor that has a gradient, of which torch warns."""
    x = torch.ones(2, 3, requires_grad=True)
    check_real(x, event=(3,))
    check_weights(nn.ParameterDict({"W": x}))
    assert x.grad is None


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.ones(2, 3).bool(), TypeError, "h: expected a floating-point"),
        (torch.ones(3), ValueError, "h: expected shape"),
        (torch.ones(0, 3), ValueError, "h: expected at least one"),
        (torch.tensor([[0.0, math.nan, 1.0]]), ValueError, "h: expected finite"),
        (torch.tensor([[0.0, 2.0, 1.0]]), ValueError, "zeros and ones, got 1 others, such as 2"),
        (torch.tensor([[0.0, 0.5, 0.5]]), ValueError, "got 2 others, such as 0.5"),
        (torch.tensor([[-1.0, 1.0, 1.0]]), ValueError, "got 1 others, such as -1"),
    ],
)
def test_what_is_not_binary_is_refused(x, error, message):
    with pytest.raises(error, match=message):
        check_binary(x, event=(3,), name="h")


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_what_must_be_positive(value):
    with pytest.raises(ValueError, match=f"step_size: expected a finite number > 0, got {value}"):
        check_positive(step_size=value)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_must_be_finite(value):
    """Kills: a check of the first weight only, infinity let through."""
    model = nn.ParameterDict({"W": torch.ones(2), "b": torch.tensor([1.0, value])})
    check_weights(nn.ParameterDict({"W": torch.ones(2)}))
    with pytest.raises(ValueError, match="b: expected finite weights, got 1 NaN or inf"):
        check_weights(model)


@pytest.mark.parametrize(
    ("known", "error", "message"),
    [
        ([True, False, True], TypeError, "known: expected a torch.Tensor, got list"),
        (torch.ones(3), TypeError, "known: expected a bool tensor, got dtype torch.float"),
        (torch.ones(4) > 0, ValueError, r"expected shape \(3,\) or \(2, 3\), got \(4,\)"),
        (torch.ones(1, 3) > 0, ValueError, r"got \(1, 3\)"),
        (torch.ones(2) > 0, ValueError, r"got \(2,\)"),
        (torch.tensor(True), ValueError, r"got \(\)"),
    ],
)
def test_what_is_no_mask_is_refused(known, error, message):
    with pytest.raises(error, match=message):
        check_mask(known, GOOD_LEVELS)


def test_levels_of_any_event_still_need_an_example():
    """Kills: a batch of nothing let through where the shape is free."""
    with pytest.raises(ValueError, match="at least one"):
        check_levels(GOOD_LEVELS[:0], levels=17)


@pytest.mark.parametrize(
    ("order", "error", "message"),
    [
        ([1, 0], TypeError, "order: expected a torch.Tensor, got list"),
        (torch.tensor([1.0, 0.0]), TypeError, "order: expected an int64 tensor, got dtype"),
        (torch.tensor([0, 1, 1]), ValueError, r"of 0\.\.2, got shape \(3,\) with \[0, 1, 1\]"),
        (torch.tensor([1, 2, 3]), ValueError, "expected a permutation"),
        (torch.tensor([0, 1]), ValueError, r"expected a permutation of 0\.\.2, got shape \(2,\)"),
        (torch.tensor([[0, 1, 2]]), ValueError, r"got shape \(1, 3\)"),
    ],
)
def test_an_order_names_each_variable_once(order, error, message):
    with pytest.raises(error, match=message):
        check_order(order, dim=3)


@pytest.mark.parametrize(("size", "least"), [(2, 1), (0, 1), (-1, 1), (1, 3)])
def test_a_window_has_a_centre(size, least):
    with pytest.raises(ValueError, match=f"window: expected an odd number >= {least}, got {size}"):
        check_odd(size, least=least, name="window")


def test_true_is_no_whole_number():
    """Kills: booleans taken for integers."""
    check_whole(torch.tensor([[3], [-1]]))
    with pytest.raises(TypeError, match=r"^k: expected a tensor of integers, got dtype torch.bool"):
        check_whole(torch.tensor([True]), "k")


def test_conditions_come_one_for_each_example():
    """Kills: rows that are not counted."""
    check_rows(torch.zeros(2, 3), 2)
    with pytest.raises(ValueError, match=r"^condition: expected 3 rows, one an example, got 2"):
        check_rows(torch.zeros(2, 3), 3)
