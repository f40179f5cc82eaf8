r"""Towards a class: guesses of E[x | z] that lean on what a class says.

Classifier guidance adds w σ²/α ∇ log p(c | z) to the guess, which makes its score that of
q(z) p(c | z)^w; without a classifier the same direction is the difference of two guesses. Dhariwal
and Nichol, *Diffusion models beat GANs on image synthesis* (2021); Ho and Salimans,
*Classifier-free diffusion guidance* (2022).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from coursepkg.counts import check_numbers
from coursepkg.models.diffusion.signal import signal_at
from coursepkg.models.diffusion.solvers import Guess


def classifier_free(given: Guess, unconditional: Guess, *, weight: float) -> Guess:
    """x̂ = x̂_∅ + w (x̂_c - x̂_∅): w = 0 forgets the class, 1 heeds it, more exaggerates it.

    Args:
        given: E[x | z, c].
        unconditional: E[x | z].
        weight: w.

    Raises:
        ValueError: if the weight is not finite.
    """
    _check_weight(weight)

    def guess(z: Tensor, log_snr: Tensor) -> Tensor:
        without = unconditional(z, log_snr)
        return without + weight * (given(z, log_snr) - without)

    return guess


def classifier_guided(
    unconditional: Guess, log_prob: Callable[[Tensor, Tensor], Tensor], *, weight: float
) -> Guess:
    """x̂ = x̂_∅ + w σ² / α ∇_z log p(c | z).

    Args:
        unconditional: E[x | z].
        log_prob: log p(c | z) of the wanted class, of z (B, D) and log-SNRs (B,); (B,).
        weight: w.

    Raises:
        ValueError: if the weight is not finite; when asked, if log_prob says not one number a row.
    """
    _check_weight(weight)

    def guess(z: Tensor, log_snr: Tensor) -> Tensor:
        alpha, sigma = signal_at(log_snr.to(z))
        with torch.enable_grad():
            at = z.detach().requires_grad_()
            log_p = log_prob(at, log_snr)
            if log_p.shape != (len(z),):
                raise ValueError(f"log_prob: expected shape ({len(z)},), got {tuple(log_p.shape)}")
            (slope,) = torch.autograd.grad(log_p.sum(), at)
        return unconditional(z, log_snr) + weight * sigma.square() / alpha * slope

    return guess


def _check_weight(weight: float) -> None:
    check_numbers(weight=weight)
    if not math.isfinite(weight):
        raise ValueError(f"weight: expected a finite number, got {weight}")
