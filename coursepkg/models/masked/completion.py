"""What an any-order model says of the places that were not seen, given those that were."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator
from coursepkg.models.masked.order import AnyOrder, check_symbols, random_ranks
from coursepkg.validate import check_shows


@torch.no_grad()
def complete_any_order(
    model: AnyOrder, x: Tensor, known: Tensor, *, generator: Generator
) -> Tensor:  # fmt: skip
    """Draws the missing places one at a time in random order, (B, D); the known ones stay.

    The same passes that draw a whole x, begun in the middle: an order in which the known places
    come first is as good as any other. `counts` of the model are not heeded.

    Args:
        model: its network in eval mode.
        x: levels, (B, D); what is not known is not read.
        known: which entries are known, (D,) or (B, D) bool; at least one in each example.
        generator: the only source of randomness.

    Raises:
        TypeError: if x are no levels, or `known` is not bool.
        ValueError: if `known` is no mask for x, or hides all of an example.
    """
    check_generator(generator)
    z = x.masked_fill(~_known(model, x, known), model.levels)
    for hidden, now in _steps(z == model.levels, generator):
        p = model.log_conditionals(z.masked_fill(hidden, model.levels)).exp()
        drawn = torch.multinomial(p.flatten(0, 1), 1, generator=generator).view_as(z)
        z = torch.where(now, drawn, z)
    return z


@torch.no_grad()
def log_weight_missing(
    model: AnyOrder, x: Tensor, known: Tensor, *, generator: Generator
) -> Tensor:  # fmt: skip
    """log p(the missing | the known, one random order of the missing), (B, D) -> (B,), nats.

    The mean of its exponential is the law that `complete_any_order` draws from, and so its own mean
    at most the logarithm of that (≤).   Source: :eq:`any-order-missing`.

    Arguments and errors are those of `complete_any_order`; x has the right answers.
    """
    missing = ~_known(model, x, known)
    total = torch.zeros(len(x), device=x.device)
    for hidden, now in _steps(missing, generator):
        log_p = model.log_conditionals(x.masked_fill(hidden, model.levels))
        total = total + log_p.gather(-1, x[..., None]).squeeze(-1).mul(now).sum(1)
    return total


def _known(model: AnyOrder, x: Tensor, known: Tensor) -> Tensor:
    check_symbols(x, dim=model.dim, levels=model.levels)
    check_shows(known, x)
    return known.expand_as(x)


def _steps(missing: Tensor, generator: Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Of each step: what is still hidden before it, and the place that is found, (B, D) bool."""
    rank = random_ranks(missing, generator=generator).masked_fill(~missing, -1)
    rank = rank.argsort(1).argsort(1) - (~missing).sum(1, keepdim=True)  # 0.. over the missing
    for step in range(int(missing.sum(1).max())):
        yield missing & (rank >= step), missing & (rank == step)
