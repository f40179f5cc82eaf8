"""Filling in what is hidden, several places at once: in random order, or the surest first."""

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

from coursepkg.counts import check_generator, check_integer_lists
from coursepkg.validate import ANY, check_levels

Conditionals = Callable[[Tensor], Tensor]  # z (B, D) with masks -> log p(x_d = k | z), (B, D, K)


def at_random(log_p: Tensor, *, generator: Generator) -> Tensor:
    """A priority that heeds nothing: (B, D, K) -> (B, D)."""
    check_generator(generator)
    return torch.rand(log_p.shape[:-1], generator=generator, device=log_p.device)


def surest(log_p: Tensor, *, generator: Generator) -> Tensor:
    """First the places whose likeliest level is most probable, (B, D, K) -> (B, D).

    Chang et al., *MaskGIT* (2022). The order depends on what was found, so that the law of what
    is drawn is no longer the mixture over random orders. Ties are broken at random.
    """
    check_generator(generator)
    tie = torch.rand(
        log_p.shape[:-1], generator=generator, device=log_p.device, dtype=torch.float64
    )
    return log_p.double().amax(-1) + 1e-6 * tie


@torch.no_grad()
def reveal(
    conditionals: Conditionals, z: Tensor, *, levels: int, counts: Sequence[int],
    priority: Callable[..., Tensor], generator: Generator,
) -> Tensor:  # fmt: skip
    """Replaces the masks of z, (B, D) -> (B, D): the rest of each row given what it shows.

    In each step the hidden places with the highest priority are drawn, each from its own law given
    what was seen before the step. Source: :eq:`parallel-step`.

    Args:
        conditionals: says log p(x_d = k | z).
        z: symbols 0..K, in which K stands for a hidden one; each row hides as many.
        levels: number of levels K.
        counts: how many are found in each step.
        priority: `at_random` or `surest`.
        generator: the only source of randomness.

    Raises:
        ValueError: if the counts do not add up to what is hidden in each row.
    """
    check_generator(generator)
    check_levels(z, event=(ANY,), levels=levels + 1, name="z")
    check_integer_lists(counts=counts)
    hidden = {int(h) for h in (z == levels).sum(1)}
    if not counts or min(counts) < 1 or hidden != {sum(counts)}:
        raise ValueError(
            f"counts: expected one or more numbers >= 1 that add up to what each row hides, got "
            f"{tuple(counts)} for rows that hide {sorted(hidden)}: symbols would stay masked"
        )
    for count in counts:
        log_p = conditionals(z)
        rank = priority(log_p, generator=generator).masked_fill(z != levels, -torch.inf)
        now = rank.topk(count, dim=1).indices  # (B, count)
        p = log_p.gather(1, now[..., None].expand(-1, -1, levels)).exp()
        drawn = torch.multinomial(p.flatten(0, 1), 1, generator=generator).view_as(now)
        z = z.scatter(1, now, drawn)
    return z
