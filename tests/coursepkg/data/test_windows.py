import pytest
import torch

from coursepkg.data.windows import next_token_pairs, sliding_windows


@pytest.mark.parametrize("event", [(), (3,), (2, 3)])
@pytest.mark.parametrize(("T", "length", "stride"), [(9, 4, 1), (9, 4, 2), (9, 4, 3), (4, 4, 5)])
def test_windows_are_the_slices_that_fit(T, length, stride, event):
    """Kills: the last window lost, a step of length, entry and event exchanged."""
    x = torch.arange(T * torch.Size(event).numel()).reshape(T, *event)
    slices = [x[start : start + length] for start in range(0, T, stride) if start + length <= T]
    found = sliding_windows(x, length, stride=stride)
    assert torch.equal(found, torch.stack(slices))
    assert len(found) == (T - length) // stride + 1


def test_windows_are_views_and_copy_nothing():
    """Kills: contiguous(), clone(), reshape()."""
    x = torch.zeros(10_000, 2)
    for view in (sliding_windows(x, 5000), *next_token_pairs(x, 4999, stride=1)):
        shared = view.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        assert shared  # a storage in the assertion itself would be printed, number by number
    x[7] = 1
    assert sliding_windows(x, 5)[3:8, :, 0].nonzero().tolist() == [[i, 4 - i] for i in range(5)]


@pytest.mark.parametrize("stride", [1, 2, None])
def test_each_target_follows_its_input(stride):
    """Kills: targets equal to inputs, or two entries on."""
    x = torch.arange(12)
    inputs, targets = next_token_pairs(x, 3, stride=stride)
    assert torch.equal(targets, inputs + 1)
    assert inputs.shape == (len(range(0, 9, stride or 3)), 3)
    assert inputs[:, 0].tolist() == list(range(0, 9, stride or 3))


def test_by_default_each_entry_is_a_target_once():
    """Kills: a default stride of 1, of length + 1 (which skips one in length + 1)."""
    assert next_token_pairs(torch.arange(13), 4).targets.flatten().tolist() == list(range(1, 13))


def test_what_does_not_fit_is_refused():
    x = torch.zeros(4, 2)
    assert len(sliding_windows(x, 4)) == len(next_token_pairs(x, 3).inputs) == 1
    with pytest.raises(ValueError, match=r"expected 5 or more entries in a row, got \(4, 2\)"):
        sliding_windows(x, 5)
    with pytest.raises(ValueError, match=r"expected 5 or more entries in a row, got \(4, 2\)"):
        next_token_pairs(x, 4)
    with pytest.raises(ValueError, match="expected 1 or more entries in a row"):
        sliding_windows(torch.tensor(1.0), 1)
    with pytest.raises(TypeError, match=r"expected a torch\.Tensor, got list"):
        sliding_windows([1, 2, 3], 2)


@pytest.mark.parametrize(("length", "stride"), [(0, 1), (-1, 1), (2, 0), (2, -1)])
def test_lengths_and_strides_below_one_are_refused(length, stride):
    """Kills: a window of nothing; pairs of length 0, whose window has length 1."""
    for function in (sliding_windows, next_token_pairs):
        with pytest.raises(ValueError, match="expected 1 or more, got"):
            function(torch.zeros(9), length, stride=stride)
