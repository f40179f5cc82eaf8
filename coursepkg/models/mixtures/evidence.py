r"""What a mixture of categoricals says of pixels that are missing, noisy, or both: in closed form.

What was seen of pixel d enters as its *evidence* e_d(l), the probability (or density) of what was
seen if the level is l. A known pixel has 1 at its level and 0 elsewhere, a missing one 1 everywhere
(whatever was there, nothing was seen), a noisy one N(y_d; l, τ²). Given the component, pixels are
independent, and each is summed out by itself:

.. math::
   p(e, z) = p(z) \prod_d \sum_l p(x_d = l \mid z) \, e_d(l) , \qquad
   p(x_d = l \mid e) = \sum_z p(z \mid e) \,
   \frac{p(x_d = l \mid z) \, e_d(l)}{\sum_{l'} p(x_d = l' \mid z) \, e_d(l')} .
"""

import math

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from coursepkg.counts import check_generator
from coursepkg.models.mixtures.categorical import CategoricalMixture
from coursepkg.validate import check_levels, check_positive, check_real, check_shows


def known_evidence(x: Tensor, known: Tensor, *, levels: int) -> Tensor:
    """Evidence of pixels that are known or missing, (B, D) -> (B, D, K), zeros and ones.

    Args:
        x: levels; where they are not known any will do.
        known: which entries are known, (D,) or (B, D) bool; at least one in each example.
        levels: number of levels K.

    Raises:
        TypeError: if x are no levels, or `known` is not bool.
        ValueError: if `known` is no mask for x, or hides all of an example.
    """
    check_levels(x, levels=levels)
    check_shows(known, x)
    seen = one_hot(x.long(), levels).bool() | ~known.expand_as(x)[..., None]
    return seen.to(torch.get_default_dtype())


def noisy_evidence(y: Tensor, *, noise: float, levels: int) -> Tensor:
    """Evidence of pixels that are seen through normal noise, N(y_d; l, τ²), (B, D) -> (B, D, K).

    Args:
        y: the levels plus noise, real.
        noise: its standard deviation τ > 0, in levels.
        levels: number of levels K.

    Raises:
        TypeError: if y is not real.
        ValueError: if y is not finite, or a number impossible.
    """
    check_real(y, name="y")
    check_positive(noise=noise)
    away = (y[..., None] - torch.arange(levels, device=y.device)) / noise
    return (-away.square() / 2).exp() / (math.sqrt(2 * math.pi) * noise)


def log_evidence(mixture: CategoricalMixture, e: Tensor) -> Tensor:
    """log p(e), the probability or density of what was seen, (B, D, K) -> (B,), nats.

    Source: :eq:`mixture-evidence`.

    Raises:
        ValueError: if the evidence has another shape, or is below 0.
    """
    _, joint = _seen(mixture, e)
    return joint.logsumexp(1)


def log_prob_missing(mixture: CategoricalMixture, x: Tensor, known: Tensor) -> Tensor:
    """log p(the missing pixels | the known ones), (B, D) -> (B,), nats, exact.

    Source: :eq:`missing-conditional`. Arguments and errors are those of `known_evidence`; x has the
    right answers in the missing places.
    """
    e = known_evidence(x, known, levels=mixture.levels)
    return mixture.log_prob(x) - log_evidence(mixture, e)


def probs_given(mixture: CategoricalMixture, e: Tensor) -> Tensor:
    """p(x_d = l | e) of each pixel, (B, D, K) -> (B, D, K).   Source: :eq:`mixture-given`.

    Of each pixel alone: draws that hang together come from `draw_given`.

    Raises:
        ValueError: if the evidence has another shape, is below 0, or impossible under the mixture
            (in its floats: a pixel many standard deviations from all levels is, too).
    """
    each, joint = _seen(mixture, e)
    weight = _posterior(joint)[:, None] / each  # p(z | e) over Σ_l, (B, D, M)
    weight = weight.masked_fill(each == 0, 0)  # where p(z | e) is 0 too
    return e * torch.einsum("bdm,mdl->bdl", weight, mixture.log_levels.exp())


def draw_given(mixture: CategoricalMixture, e: Tensor, *, generator: Generator) -> Tensor:
    """Draws all pixels given the evidence, (B, D, K) -> (B, D): z first, then each by itself.

    Raises:
        ValueError: if the evidence has another shape, is below 0, or impossible under the mixture.
    """
    check_generator(generator)
    _, joint = _seen(mixture, e)
    z = torch.multinomial(_posterior(joint), 1, generator=generator)[:, 0]
    p = mixture.log_levels[z].exp() * e  # (B, D, K)
    return torch.multinomial(p.flatten(0, 1), 1, generator=generator).view(p.shape[:2])


def _seen(mixture: CategoricalMixture, e: Tensor) -> tuple[Tensor, Tensor]:
    """Σ_l p(x_d = l | z) e_d(l), (B, D, M), and log p(e, z), (B, M)."""
    check_real(e, event=(mixture.dim, mixture.levels), name="e")
    if (e < 0).any():
        raise ValueError(f"e: expected evidence >= 0, got values from {e.min().item():.4g}")
    p = mixture.log_levels.exp()
    each = torch.einsum("bdl,mdl->bdm", e.to(p), p)
    each = each * (each >= torch.finfo(p.dtype).tiny)  # less than that cannot be divided by
    return each, mixture.log_weights + each.log().sum(1)


def _posterior(joint: Tensor) -> Tensor:
    if (impossible := joint.amax(1) == -torch.inf).any():
        raise ValueError(
            f"e: expected evidence that a component allows, got {int(impossible.sum())} examples "
            "that none does"
        )
    return joint.softmax(1)
