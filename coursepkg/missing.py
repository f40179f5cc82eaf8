"""What is asked of a mask: that it shows something."""

from torch import Tensor

from coursepkg.validate import check_mask


def check_shows(known: Tensor, x: Tensor) -> None:
    """Checks that `known` is a mask for the entries of x that hides no example wholly.

    What is missing is asked of what is known; where nothing is, `sample` and `log_prob` answer.

    Args:
        known: what came; should be bool, of the shape of one example or of x.
        x: examples, (B, *event).

    Raises:
        TypeError: if `known` is not a bool tensor.
        ValueError: if the shape is wrong, or an example has no known entry.
    """
    check_mask(known, x)
    shown = known.expand_as(x).flatten(1).any(1)
    if not shown.all():
        raise ValueError(
            f"known: expected at least one known entry in each example, got "
            f"{int((~shown).sum())} of {len(x)} examples that hide everything"
        )
