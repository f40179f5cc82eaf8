"""Autoregressive models: one network gives all D conditionals, and their product is the law."""

from collections.abc import Iterable

import torch
from torch import Generator, Tensor, nn

from coursepkg.rng import global_state_from
from coursepkg.validate import check_levels


class ARM(nn.Module):
    r"""Autoregressive model of D levels; the network promises causality, the product does the rest.

    :math:`p(x) = \prod_d p(x_d \mid x_{<d})`, each factor a categorical distribution whose logits
    are computed from the pixels before d. Sources: :eq:`arm-factorisation`,
    :eq:`arm-log-likelihood`. Scoring is one pass of the network, sampling D passes.

    Says: `log_prob`, exact (=), if the network is in eval mode (`eval()`): dropout makes another
    model of every pass. With a network that is not causal the number is no likelihood.

    Args:
        net: maps levels (B, D) to logits (B, D, K); logits d must not depend on x_d, x_{d+1}, ...
        dim: number of variables D.
        levels: number of levels K.
    """

    def __init__(self, net: nn.Module, *, dim: int, levels: int) -> None:
        super().__init__()
        if dim < 1 or levels < 2:
            raise ValueError(f"expected dim >= 1 and levels >= 2, got {dim} and {levels}")
        self.net, self.dim, self.levels = net, dim, levels

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats. Source: :eq:`arm-log-likelihood`."""
        check_levels(x, event=(self.dim,), levels=self.levels)
        return self._log_conditionals(x).gather(-1, x[..., None]).squeeze(-1).sum(-1)

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """-log p(x), (B, D) -> (B,), nats, with the network's dropout drawn from `generator`."""
        with global_state_from(generator):
            return -self.log_prob(x)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D), one variable at a time."""
        device = next(self.parameters(), torch.empty(0)).device
        blank = torch.zeros(n, self.dim, dtype=torch.int64, device=device)
        return self.complete(blank, known=0, generator=generator)

    def complete(self, x: Tensor, *, known: int, generator: Generator) -> Tensor:
        """Keeps the first `known` variables of x, (B, D), and draws the others given them, exactly.

        Raises:
            ValueError: if `known` is not in 0..D.
        """
        check_levels(x, event=(self.dim,), levels=self.levels)
        if not 0 <= known <= self.dim:
            raise ValueError(f"known: expected 0..{self.dim}, got {known}")
        return self._draw(x, range(known, self.dim), generator=generator)

    @torch.no_grad()
    def log_conditional(self, x: Tensor, d: int) -> Tensor:
        """log p(x_d = k | all other x), exactly, from K passes: (B, D) -> (B, K), nats.

        Source: :eq:`arm-full-conditional`.
        """
        check_levels(x, event=(self.dim,), levels=self.levels)
        candidates = x.repeat_interleave(self.levels, dim=0)  # (B K, D)
        candidates[:, d] = torch.arange(self.levels, device=x.device).repeat(len(x))
        return self.log_prob(candidates).view(len(x), self.levels).log_softmax(-1)

    def fill_in(self, x: Tensor, missing: Tensor, *, sweeps: int, generator: Generator) -> Tensor:
        """Draws the missing variables given all the others by Gibbs sampling.

        The start is a left-to-right draw, which ignores what lies to the right of a gap; each
        sweep then redraws every missing variable from `log_conditional`. The law of the result
        tends to p(missing | known) as `sweeps` grows; a sweep costs K passes a missing variable.

        Args:
            x: levels (B, D); those at missing places are ignored, but must be levels.
            missing: bool (D,).
            sweeps: number of Gibbs sweeps, >= 0.
            generator: source of the draws.
        """
        check_levels(x, event=(self.dim,), levels=self.levels)
        if missing.dtype != torch.bool or missing.shape != (self.dim,):
            raise ValueError(f"missing: expected bool ({self.dim},), got {tuple(missing.shape)}")
        places = missing.nonzero().flatten().tolist()
        x = self._draw(x, places, generator=generator)
        for _ in range(sweeps):
            for d in places:
                x[:, d] = _categorical(self.log_conditional(x, d), generator=generator)
        return x

    @torch.no_grad()
    def _draw(self, x: Tensor, places: Iterable[int], *, generator: Generator) -> Tensor:
        """Redraws the variables at `places`, in this order, each from p(x_d | x_{<d})."""
        x = x.clone()
        for d in places:
            x[:, d] = _categorical(self._log_conditionals(x)[:, d], generator=generator)
        return x

    def _log_conditionals(self, x: Tensor) -> Tensor:
        """log p(x_d = k | x_{<d}), (B, D) -> (B, D, K), nats."""
        logits: Tensor = self.net(x)
        expected = (*x.shape, self.levels)
        if logits.shape != expected:
            raise ValueError(f"net: expected logits {expected}, got {tuple(logits.shape)}")
        return logits.log_softmax(-1)


def _categorical(log_p: Tensor, *, generator: Generator) -> Tensor:
    """One level per row of log-probabilities, (B, K) -> (B,)."""
    return torch.multinomial(log_p.exp(), 1, generator=generator).squeeze(-1)
