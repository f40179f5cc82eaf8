r"""Where to put T steps: the noise levels whose bound is the best, found from measured errors.

A step from λ' down to λ costs ½ (SNR' - SNR) E‖x - x̂‖² with the error of the guess at λ, whatever
the other steps are. So the bound is the length of a path from clear to noisy, and the best path of
T steps is found level by level, as any shortest path. After Watson, Ho, Norouzi and Chan, *Learning
to efficiently sample from diffusion probabilistic models* (2021).
"""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_counts
from coursepkg.models.autoencoders.gaussian import standard_like
from coursepkg.models.diffusion.chain import check_falling
from coursepkg.models.diffusion.denoisers import GaussianDenoiser, drawn_guess
from coursepkg.models.diffusion.signal import kl_to_noise, signal_at


class Profile(NamedTuple):
    """What a denoiser would pay at each of G falling log-SNRs; all (G,), means over images."""

    log_snr: Tensor
    error: Tensor  # ‖x - x̂‖²
    first: Tensor  # -log p(x | z), nats, if this were the clearest level
    prior: Tensor  # KL(q(z | x) ‖ N(0, I)), nats, if this were the noisiest level


@torch.no_grad()
def profile(
    denoiser: GaussianDenoiser, x: Tensor, log_snr: Tensor, *, generator: Generator
) -> Profile:
    """Measures them with one z of each image at each level.

    Args:
        denoiser: says x̂ and p(x | z).
        x: images, (B, D).
        log_snr: falling log-SNRs, (G,).
        generator: of the noise.

    Raises:
        ValueError: if the log-SNRs are not finite, or do not fall.
    """
    log_snr = check_falling(log_snr)
    real, found = denoiser.embed(x), []
    for level in log_snr.to(real):
        at = level.expand(len(real))
        z = signal_at(at).mix(real, standard_like(real).draw(generator=generator))
        output = drawn_guess(denoiser, z, at, generator=generator)
        error = (real - denoiser.mean(output)).square().sum(1)
        found.append((error, -denoiser.log_likelihood(x, output), kl_to_noise(real, at)))
    means = (
        torch.stack([each.mean() for each in terms]).double() for terms in zip(*found, strict=True)
    )
    return Profile(log_snr, *means)


def best_levels(measured: Profile, T: int) -> Tensor:
    """The T of the levels whose bound is best: falling log-SNRs, (T,).   Source: :eq:`level-path`.

    Raises:
        ValueError: if there are fewer levels than steps, or the levels do not fall.
    """
    check_counts(T=T)
    log_snr, error, best, prior = measured
    check_falling(log_snr)
    if len(log_snr) < T:
        raise ValueError(f"T: expected at most {len(log_snr)} steps, one a level, got {T}")
    snr, came = log_snr.exp(), []
    step = (snr[:, None] - snr) / 2 * error  # from a clearer level (row) to a noisier one
    step = step.masked_fill(torch.ones_like(step).tril().bool(), torch.inf)
    for _ in range(T - 1):
        best, before = (best[:, None] + step).min(0)
        came.append(before)
    path = [(best + prior).argmin()]
    for before in reversed(came):
        path.append(before[path[-1]])
    return log_snr[torch.stack(path[::-1])]
