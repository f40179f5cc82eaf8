"""A mask that hides everything is refused."""

import pytest
import torch

from coursepkg.validate import check_shows

GOOD_LEVELS = torch.tensor([[0, 3, 16], [1, 2, 5]])


def test_a_mask_must_show_something_of_each_example():
    """Kills: one shown example enough for all, the shown and the hidden swapped."""
    known = torch.tensor([[True, True, False], [False, False, False]])
    with pytest.raises(ValueError, match="got 1 of 2 examples that hide everything"):
        check_shows(known, GOOD_LEVELS)
    with pytest.raises(ValueError, match="got 2 of 2 examples"):
        check_shows(known[1], GOOD_LEVELS)
    with pytest.raises(TypeError, match="expected a bool tensor"):
        check_shows(known.long(), GOOD_LEVELS)
    check_shows(known[0], GOOD_LEVELS)
    check_shows(known[:1].expand(2, 3), GOOD_LEVELS)
    check_shows(known[0, :1].view(1, 1, 1).expand(2, 3, 1), GOOD_LEVELS[..., None])
