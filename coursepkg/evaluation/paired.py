"""How far apart two models are on the same examples."""

import math
from typing import NamedTuple

from torch import Tensor

from coursepkg.validate import check_real


class Difference(NamedTuple):
    """A mean difference of two scores of the same examples.

    Args:
        value: mean of the differences, nats.
        error: its standard error over the examples.
    """

    value: float
    error: float


def paired(a: Tensor, b: Tensor) -> Difference:
    r"""How many nats more a costs than b, example by example.

    :math:`\bar\delta = \frac1N \sum_n (a_n - b_n)` and :math:`s_\delta / \sqrt N`: what is hard for
    both models cancels.   Source: :eq:`paired-error`.

    Args:
        a: negative log-likelihoods of N >= 2 examples, (N,), nats.
        b: those of the same examples under the other model, in the same order, (N,).

    Raises:
        ValueError: if the shapes differ, or there are fewer than two examples.
    """
    check_real(a, name="a")
    check_real(b, name="b")
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise ValueError(
            f"expected two vectors of one length, at least 2, got {tuple(a.shape)} and "
            f"{tuple(b.shape)}"
        )
    delta = a.double() - b.double()
    return Difference(delta.mean().item(), (delta.std() / math.sqrt(len(delta))).item())
