"""Which modes of a known mixture do samples reach?"""

import torch
from torch import Tensor

from coursepkg.counts import check_numbers
from coursepkg.evaluation.samples.checks import check_pair, distances


def mode_shares(samples: Tensor, means: Tensor, *, radius: float | Tensor) -> Tensor:
    """The share of all samples within the radius of each mean, and nearest to it, (K,).

    The shares sum to the share of samples that lie at a mode at all. Of a round normal law in the
    plane 98.9 % lie within 3 standard deviations.

    Args:
        samples: rows, (N, D).
        means: the modes, (K, D).
        radius: one for all, or one for each, (K,).

    Raises:
        TypeError: if an argument is no floating-point tensor.
        ValueError: if shapes do not fit, an entry is not finite, or a radius is not above 0.
    """
    check_pair(samples, means, names=("samples", "means"))
    if not isinstance(radius, Tensor):
        check_numbers(radius=radius)
    radius = torch.as_tensor(radius, dtype=torch.float64, device=means.device)
    if radius.shape not in {(), (len(means),)} or not (radius > 0).all():
        raise ValueError(f"radius: expected one or {len(means)} numbers > 0, got {radius.tolist()}")
    distance, k = distances(samples, means).min(1)
    reached = k[distance <= radius.expand(len(means))[k]]
    return torch.bincount(reached, minlength=len(means)) / len(samples)


def modes_covered(
    samples: Tensor, means: Tensor, *, radius: float | Tensor, least: float = 0.01
) -> int:
    """How many modes have at least the share `least` of all samples, as `mode_shares` counts.

    Known failure: it asks where samples are and not how they lie there; a point at each mean covers
    all modes. It needs a mixture that is known.

    Args:
        samples: rows, (N, D).
        means: the modes, (K, D).
        radius: one for all, or one for each, (K,); 3 standard deviations, say.
        least: the share of samples that makes a mode covered.

    Raises:
        TypeError: as `mode_shares`.
        ValueError: as `mode_shares`, or unless 0 < least <= 1.
    """
    check_numbers(least=least)
    if not 0 < least <= 1:
        raise ValueError(f"least: expected 0 < least <= 1, got {least}")
    return int((mode_shares(samples, means, radius=radius) >= least).sum())
