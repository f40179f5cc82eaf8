"""The learning rate over time."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from coursepkg.counts import check_integers, check_numbers


def warm_up_cosine(
    optimizer: Optimizer, *, warm_up: int, steps: int, least: float = 0.1
) -> LambdaLR:
    r"""Rises in a line for `warm_up` steps, then falls along half a cosine to the share `least`.

    :math:`\eta_n / \eta = (n + 1) / W` for n < W, then
    :math:`l + (1 - l) (1 + \cos \pi \frac{n + 1 - W}{S - W}) / 2`. Source: :eq:`warm-up-cosine`.
    Step n = 0, ..., S - 1 is the one that comes after n calls of ``schedule.step()``; beyond them
    it stays at the least.

    Args:
        optimizer: its rate is the highest.
        warm_up: steps W of the rise, 0 for none.
        steps: all steps S.
        least: the share of the highest rate at the end, in [0, 1].

    Raises:
        ValueError: if a number is impossible.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: expected a torch.optim.Optimizer, got {optimizer!r:.60}")
    check_integers(warm_up=warm_up, steps=steps)
    check_numbers(least=least)
    if not 0 <= warm_up < steps or not 0 <= least <= 1:
        raise ValueError(
            f"expected 0 <= warm_up < steps and least in [0, 1], got {warm_up}, {steps}, {least}"
        )

    def share(n: int) -> float:
        if n < warm_up:
            return (n + 1) / warm_up
        done = min((n + 1 - warm_up) / (steps - warm_up), 1)
        return least + (1 - least) * (1 + math.cos(math.pi * done)) / 2

    return LambdaLR(optimizer, share)
