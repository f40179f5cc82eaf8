"""Autoregressive models: one network gives all D conditionals, and their product is the law."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_draws, check_generator, check_integers, check_sizes
from coursepkg.rng import global_state_from
from coursepkg.validate import check_levels, check_mask, check_methods


class ARM(nn.Module):
    r"""Autoregressive model of D levels; the network promises causality, the product does the rest.

    :math:`p(x) = \prod_d p(x_d \mid x_{<d})`, each factor a categorical distribution whose logits
    are computed from the pixels before d. Sources: :eq:`arm-factorisation`,
    :eq:`arm-log-likelihood`. Scoring is one pass of the network, sampling D passes.

    Says: `log_prob`, exact (=), if the network is in eval mode (`eval()`): dropout makes another
    model of every pass. With a network that is not causal the numbers need not sum to one.

    Args:
        net: maps levels (B, D) to logits (B, D, K); logits d must not depend on x_d, x_{d+1}, ...
        dim: number of variables D.
        levels: number of levels K.
    """

    def __init__(self, net: nn.Module, *, dim: int, levels: int) -> None:
        check_methods(net, "__call__", name="net")
        check_integers(dim=dim, levels=levels)
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
        check_draws(n, generator)
        device = next(self.parameters(), torch.empty(0)).device
        blank = torch.zeros(n, self.dim, dtype=torch.int64, device=device)
        return self.left_to_right(blank, torch.zeros_like(blank[0]).bool(), generator=generator)

    def complete(self, x: Tensor, known: Tensor, *, generator: Generator) -> Tensor:
        """Keeps x where it is known and draws the rest given it, exactly, for a *known beginning*.

        Source: :eq:`arm-sampling`.

        Args:
            x: levels (B, D); those that are missing are ignored, but must be levels.
            known: bool (D,) or (B, D); no known variable stands behind a missing one.
            generator: the only source of randomness.

        Raises:
            TypeError: if `known` is not bool.
            ValueError: if what is known is no beginning (see `complete_by_gibbs`).
        """
        check_levels(x, event=(self.dim,), levels=self.levels)
        check_mask(known, x)
        if (known[..., 1:] & ~known[..., :-1]).any():
            raise ValueError(
                "known: expected a beginning, d variables that are known and then none, got a "
                "known variable behind a missing one; complete_by_gibbs takes any mask"
            )
        return self.left_to_right(x, known, generator=generator)

    @torch.no_grad()
    def left_to_right(self, x: Tensor, known: Tensor, *, generator: Generator) -> Tensor:
        """Draws what is not known, in order, each x_d from p(x_d | x_{<d}): (B, D) -> (B, D).

        Source: :eq:`arm-sampling`. Ignores what is known behind a gap.
        """
        x = x.clone()
        for d in _places(~known):
            x[:, d] = torch.where(
                known[..., d], x[:, d],
                _categorical(self._log_conditionals(x)[:, d], generator=generator),
            )  # fmt: skip
        return x

    @torch.no_grad()
    def log_conditional(self, x: Tensor, d: int) -> Tensor:
        """log p(x_d = k | all other x), exactly, from K passes: (B, D) -> (B, K), nats.

        Source: :eq:`arm-full-conditional`.
        """
        check_levels(x, event=(self.dim,), levels=self.levels)
        check_integers(d=d)
        if not 0 <= d < self.dim:
            raise ValueError(f"d: expected a variable 0..{self.dim - 1}, got {d}")
        candidates = x.repeat_interleave(self.levels, dim=0)  # (B K, D)
        candidates[:, d] = torch.arange(self.levels, device=x.device).repeat(len(x))
        return self.log_prob(candidates).view(len(x), self.levels).log_softmax(-1)

    def complete_by_gibbs(
        self, x: Tensor, known: Tensor, *, sweeps: int, generator: Generator
    ) -> Tensor:
        """Draws what is missing given what is known, wherever it stands, by Gibbs sampling.

        The start is a `left_to_right` draw, which ignores what lies behind a gap; each sweep then
        redraws every missing variable from `log_conditional`. If every level has positive
        probability, the law of the result tends to p(missing | known) as `sweeps` grows; a sweep
        costs K passes a missing variable.

        Args:
            x: levels (B, D); those that are missing are ignored, but must be levels.
            known: bool (D,) or (B, D).
            sweeps: number of Gibbs sweeps, >= 0.
            generator: the only source of randomness.

        Raises:
            TypeError: if `known` is not bool.
            ValueError: if x are no levels or `known` no mask for them.
        """
        check_levels(x, event=(self.dim,), levels=self.levels)
        check_mask(known, x)
        check_sizes(sweeps=sweeps)
        x = self.left_to_right(x, known, generator=generator)
        for _ in range(sweeps):
            for d in _places(~known):
                drawn = _categorical(self.log_conditional(x, d), generator=generator)
                x[:, d] = torch.where(known[..., d], x[:, d], drawn)
        return x

    def _log_conditionals(self, x: Tensor) -> Tensor:
        """log p(x_d = k | x_{<d}), (B, D) -> (B, D, K), nats."""
        logits: Tensor = self.net(x)
        expected = (*x.shape, self.levels)
        if logits.shape != expected:
            raise ValueError(f"net: expected logits {expected}, got {tuple(logits.shape)}")
        return logits.log_softmax(-1)


def _places(missing: Tensor) -> list[int]:
    """The variables that are missing in one example at least, in order."""
    places: list[int] = missing.reshape(-1, missing.shape[-1]).any(0).nonzero().flatten().tolist()
    return places


def _categorical(log_p: Tensor, *, generator: Generator) -> Tensor:
    """One level per row of log-probabilities, (B, K) -> (B,)."""
    check_generator(generator)
    return torch.multinomial(log_p.exp(), 1, generator=generator).squeeze(-1)
