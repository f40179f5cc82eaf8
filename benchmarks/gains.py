"""A gain over a baseline: differences seed by seed, their mean, and the standard error of that."""

import math
from collections.abc import Sequence
from typing import Any

import torch


def gain(values: Sequence[float], baseline: Sequence[float]) -> dict[str, Any]:
    """Means of both, and of baseline - value (> 0: the value is lower) with its standard error.

    Args:
        values: one number a seed.
        baseline: of the same seeds, in the same order.

    Raises:
        ValueError: if there are not as many of both, or fewer than two.
    """
    if len(values) != len(baseline) or len(values) < 2:
        raise ValueError(f"expected two or more pairs, got {len(values)} and {len(baseline)}")
    a, b = (torch.tensor(each, dtype=torch.float64) for each in (values, baseline))
    return {
        "value": a.mean().item(), "baseline": b.mean().item(), "gain": (b - a).mean().item(),
        "error": ((b - a).std() / math.sqrt(len(a))).item(), "per_seed": list(values),
    }  # fmt: skip


def printed(row: dict[str, Any]) -> str:
    """One line: what it is, its mean, and the gain with its error."""
    names = " ".join(str(v) for k, v in row.items() if isinstance(v, str))
    return "{names:46} {value:9.4f}, gain {gain:+.4f} ± {error:.4f}".format(names=names, **row)
