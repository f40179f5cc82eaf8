"""Chains of denoisers on few states, seen by matrix: C, p(x | x̃) and their product.

States x are numbered 0..S-1 and corrupted ones x̃ 0..S̃-1. C (S, S̃) has the row C(· | x), and a
denoiser Q (S̃, S) the row p(· | x̃), so that a step of the chain is C Q (S, S), which
`coursepkg.samplers.stationary` and its kin take.
"""

import torch
from torch import Tensor

from coursepkg.models.chains.corruption import Corruption
from coursepkg.models.chains.gsn import Denoiser


@torch.no_grad()
def corruption_table(corruption: Corruption, x: Tensor, noisy: Tensor) -> Tensor:
    """C(x̃ | x) for all pairs of states x (S, D) and x̃ (S̃, D), -> (S, S̃)."""
    return torch.stack([corruption.log_prob(noisy, row.expand_as(noisy)).exp() for row in x])


@torch.no_grad()
def denoiser_table(denoiser: Denoiser, x: Tensor, noisy: Tensor) -> Tensor:
    """p(x | x̃) for all pairs of states x (S, D) and x̃ (S̃, D), -> (S̃, S)."""
    return torch.stack([denoiser.log_prob(x, condition=row.expand_as(x)).exp() for row in noisy])


def right_denoiser(p: Tensor, C: Tensor) -> Tensor:
    """p(x | x̃) = p(x) C(x̃ | x) / Σ_x' p(x') C(x̃ | x'), by Bayes, (S̃, S).

    Source: :eq:`right-denoiser`.

    Args:
        p: law of the data, (S,).
        C: corruption, (S, S̃).

    Raises:
        ValueError: if shapes do not fit, or an x̃ never occurs: its row would be anything.
    """
    if C.ndim != 2 or p.shape != C.shape[:1]:
        raise ValueError(f"p: expected shape ({len(C)},), a law of C's rows, got {tuple(p.shape)}")
    joint = p[:, None].double() * C
    if (never := joint.sum(0) == 0).any():
        raise ValueError(
            "C: expected every x̃ to occur, got probability 0 at columns "
            f"{never.nonzero().flatten()[:5].tolist()} ({int(never.sum())} in all)"
        )
    return (joint / joint.sum(0)).T.to(C)


def pixelwise(Q: Tensor, x: Tensor) -> Tensor:
    """The product of a denoiser's marginals, Π_d p(x_d | x̃): what `PixelDenoiser` can learn.

    Source: :eq:`pixel-denoiser`.

    Args:
        Q: denoiser, (S̃, S).
        x: the states, (S, D), all combinations of levels.

    Returns:
        A denoiser (S̃, S).
    """
    product = torch.ones_like(Q)
    for column in x.T:
        same = (column[:, None] == column).to(Q)  # (S, S): states that agree in this variable
        product = product * (Q @ same)
    return product


def walked_corruption(C: Tensor, Q: Tensor, *, steps: int) -> Tensor:
    """What walking back corrupts by: the mean of (C Q)^j C for j = 0..steps-1, (S, S̃).

    Source: :eq:`walk-back-corruption`.
    """
    walked = [C]
    for _ in range(steps - 1):
        walked.append(C @ Q @ walked[-1])
    return torch.stack(walked).mean(0)


def walk_back_denoiser(
    p: Tensor, C: Tensor, *, steps: int, rounds: int = 1000, tolerance: float = 1e-10
) -> Tensor:
    """The denoiser that is right for the corruption that it makes itself, (S̃, S).

    Walk with the denoiser, take the right one for that walk, and again, until nothing changes.

    Args:
        p: law of the data, (S,).
        C: corruption, (S, S̃).
        steps: corruptions of a walk.
        rounds: at most so many repetitions.
        tolerance: largest change in a probability at which to stop.

    Raises:
        ValueError: as `right_denoiser`, or if it does not settle.
    """
    dtype, p, C = C.dtype, p.double(), C.double()  # single precision may never settle
    Q = right_denoiser(p, C)
    for _ in range(rounds):
        Q, before = right_denoiser(p, walked_corruption(C, Q, steps=steps)), Q
        if (Q - before).abs().max() <= tolerance:
            return Q.to(dtype)
    raise ValueError(f"rounds: expected it to settle within {rounds}, got changes > {tolerance}")


def contraction(P: Tensor) -> float:
    """δ(P) = max_ij TV(P_i, P_j), Dobrushin's coefficient: two laws come at least so much nearer.

    0 if the next state does not depend on this one, 1 if two rows have no state in common.
    """
    P = P.double()
    return min(1.0, torch.cdist(P, P, p=1).max().item() / 2)


def error_bound(p: Tensor, C: Tensor, Q: Tensor) -> float:
    """A bound on the total variation between the stationary law of C Q and p.

    The mean error of the denoiser over 1 - δ(C Q).   Source: :eq:`gsn-error`. inf if δ = 1.

    Args:
        p: law of the data, (S,).
        C: corruption, (S, S̃).
        Q: a denoiser, right or not, (S̃, S).
    """
    wrong = (Q - right_denoiser(p, C)).abs().sum(1) / 2  # (S̃,)
    kept = 1 - contraction(C @ Q)
    return ((p @ C) @ wrong).item() / kept if kept > 0 else float("inf")
