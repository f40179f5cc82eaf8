r"""Masked diffusion: symbols are hidden one after the other, and a network guesses them back.

A fresh random order for each x, and the network's law of a hidden symbol given those that are seen:
a mixture of autoregressive models over all orders. Its bound is that of absorbing diffusion,

.. math:: -\log p(x) \le D \operatorname{E}_h \frac1h \operatorname{E}_M
   \sum_{d \in M} -\log p(x_d \mid x_{\setminus M}) ,

with h uniform in 1..D and M a random set of h hidden places. Uria, Murray and Larochelle, *A deep
and tractable density estimator* (2014); Hoogeboom et al., *Autoregressive diffusion models* (2022).
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws, check_generator
from coursepkg.models.diffusion.discrete_time import stratified
from coursepkg.models.masked.noise import kept_odds
from coursepkg.models.masked.reveal import at_random, reveal
from coursepkg.rng import global_state_from
from coursepkg.validate import check_levels, check_methods, check_tensor


class AnyOrder(nn.Module):
    r"""Symbols found in random order, c_1 of them at once, then c_2 more, until all are known.

    Those found at once are drawn independently of each other: with one at a time the only error is
    the network's.

    Says: `log_weight` (≤), of one random order, with E exp(log_weight) = p(x) exactly, and `elbo`,
    the mean of log_weight with less noise, if the network is in eval mode. Both are of the law that
    `sample` draws from, with these `counts`.

    Args:
        net: maps symbols (B, D), in which K stands for a hidden one, and the log-odds of being seen
            (B,) to logits, (B, D K) or (B, D, K).
        dim: number of variables D.
        levels: number of levels K; the symbol K is the mask.
        counts: how many are found in each step; default one. They must leave none hidden.

    Raises:
        ValueError: if the counts do not add up to D.
    """

    def __init__(
        self, net: nn.Module, *, dim: int, levels: int, counts: Sequence[int] | None = None
    ) -> None:
        check_methods(net, "__call__", name="net")
        super().__init__()
        check_counts(dim=dim, levels=levels)
        self.net, self.dim, self.levels = net, dim, levels
        self.counts = check_steps(dim, (1,) * dim if counts is None else counts)

    def log_conditionals(self, z: Tensor) -> Tensor:
        """log p(x_d = k | what z shows), (B, D) with masks -> (B, D, K), nats."""
        seen = (z != self.levels).double().mean(1)
        logits: Tensor = self.net(z, kept_odds(seen))
        if logits.numel() != z.numel() * self.levels:
            expected = (len(z), self.dim * self.levels)
            raise ValueError(f"net: expected shape {expected}, got {tuple(logits.shape)}")
        return logits.view(*z.shape, self.levels).log_softmax(-1)

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Each step with a random set of its own, (B, D) -> (B,), nats: E of it is ≤ log p(x).

        Source: :eq:`any-order-elbo`.
        """
        check_symbols(x, dim=self.dim, levels=self.levels)
        steps = torch.arange(len(self.counts), device=x.device)
        terms = [self.term(x, s.expand(len(x)), generator=generator) for s in steps]
        return -torch.stack(terms).sum(0)

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """One step of each x: an estimate of -elbo without bias, (B, D) -> (B,), nats."""
        check_symbols(x, dim=self.dim, levels=self.levels)
        steps = stratified(len(x), generator=generator, device=x.device).mul(len(self.counts))
        return len(self.counts) * self.term(x, steps.long(), generator=generator)

    def term(self, x: Tensor, steps: Tensor, *, generator: Generator) -> Tensor:
        """c/h Σ_{d ∈ M} -log p(x_d | x without M) of one M of the h hidden then, (B,), nats.

        Any c of the h are as likely as others to be found in the step: each counts c/h.

        Args:
            x: levels, (B, D).
            steps: which step, from 0, (B,).
            generator: draws M.
        """
        counts = torch.tensor(self.counts, device=x.device)
        hidden_then = self.dim - (counts.cumsum(0) - counts)  # before each step
        hidden = random_ranks(x, generator=generator) < hidden_then[steps][:, None]
        cost = self._cost(x, hidden, generator).mul(hidden).sum(1)
        return (counts / hidden_then)[steps].to(cost) * cost

    def log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log p(x | one random order), (B, D) -> (B,), nats.

        Source: :eq:`any-order-weight`.
        """
        check_symbols(x, dim=self.dim, levels=self.levels)
        rank = random_ranks(x, generator=generator)
        terms, found = [], 0
        for count in self.counts:
            now = (rank >= found) & (rank < found + count)
            terms.append(self._cost(x, rank >= found, generator).mul(now).sum(1))
            found += count
        return -torch.stack(terms).sum(0)

    @torch.no_grad()
    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D), in as many passes of the network as there are counts."""
        check_draws(n, generator)
        device = next(self.parameters(), torch.empty(0)).device
        blank = torch.full((n, self.dim), self.levels, device=device)
        return reveal(
            self.log_conditionals, blank, levels=self.levels, counts=self.counts,
            priority=at_random, generator=generator,
        )  # fmt: skip

    def _cost(self, x: Tensor, hidden: Tensor, generator: Generator) -> Tensor:
        """-log p(x_d | what is not hidden) of every d, (B, D), nats."""
        with global_state_from(generator):  # the network's dropout
            log_p = self.log_conditionals(x.masked_fill(hidden, self.levels))
        return -log_p.gather(-1, x[..., None]).squeeze(-1)


def random_ranks(x: Tensor, *, generator: Generator) -> Tensor:
    """Each row a random order of its places, (B, D) -> ranks 0..D-1, (B, D) int64."""
    check_generator(generator)
    u = torch.rand(x.shape, generator=generator, device=x.device, dtype=torch.float64)
    return u.argsort(1)


def check_symbols(x: Tensor, *, dim: int, levels: int) -> None:
    """Checks that x are levels (B, D), and that none is the mask.

    Raises:
        TypeError: if x is no tensor of int32 or int64.
        ValueError: if the shape or a level is wrong, or x holds the mask symbol.
    """
    check_tensor(x)
    if masks := int((x == levels).sum()):
        raise ValueError(
            f"x: expected levels 0..{levels - 1}, got the mask symbol {levels} in {masks} places: "
            "data are never hidden"
        )
    check_levels(x, event=(dim,), levels=levels)
    if x.dtype not in {torch.int32, torch.int64}:
        raise TypeError(f"x: expected int32 or int64 levels, got {x.dtype}")


def check_steps(hidden: int, counts: Sequence[int]) -> tuple[int, ...]:
    """Checks that steps that find so many symbols each leave none of them hidden.

    Raises:
        ValueError: if a count is no whole number from 1, there are none, or they add up to another
            number.
    """
    counts = tuple(counts)
    whole = all(c == int(c) >= 1 for c in counts)
    if not counts or not whole or sum(counts) != hidden:
        raise ValueError(
            f"counts: expected one or more whole numbers >= 1 that add up to {hidden}, got "
            f"{counts}, which leave {hidden - sum(counts)} hidden"
        )
    return counts
