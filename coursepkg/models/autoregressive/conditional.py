"""Autoregressive models of x given something else: a label, a speaker, a picture."""

from typing import Any

from torch import Generator, Tensor, nn

from coursepkg.counts import check_integers
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.validate import check_methods, check_rows, check_tensor, count_rows


class ConditionalARM(nn.Module):
    r"""Autoregressive model given a condition: :math:`p(x \mid c) = \prod_d p(x_d \mid x_{<d}, c)`.

    Source: :eq:`arm-conditional`. Says: `log_prob`, exact (=), if the network is in eval mode.

    Args:
        net: maps levels (B, D) and conditions (B, C) to logits (B, D, K); `start(n, condition)` and
            `step` take its draws one variable at a time.
        dim: number of variables D.
        levels: number of levels K.
        conditions: size C of a condition, a real vector: one-hot for a label, 0 for "any".
    """

    def __init__(self, net: nn.Module, *, dim: int, levels: int, conditions: int) -> None:
        check_methods(net, "__call__", name="net")
        check_integers(dim=dim, levels=levels, conditions=conditions)
        super().__init__()
        if conditions < 1:
            raise ValueError(f"conditions: expected a size >= 1, got {conditions}")
        CachedARM(net, dim=dim, levels=levels)  # refuses what cannot be one
        self.net, self.dim, self.levels, self.conditions = net, dim, levels, conditions

    def log_prob(self, x: Tensor, *, condition: Tensor) -> Tensor:
        """log p(x | c), (B, D) and (B, C) -> (B,), nats."""
        return self._given(condition, count_rows(x)).log_prob(x)

    def loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        """-log p(x | c), (B, D) and (B, C) -> (B,), nats, with dropout drawn from `generator`."""
        return self._given(condition, count_rows(x)).loss(x, generator=generator)

    def sample(self, n: int, *, condition: Tensor, generator: Generator) -> Tensor:
        """Draws (n, D), each given its row of the conditions (n, C)."""
        return self._given(condition, n).sample(n, generator=generator)

    def complete(
        self, x: Tensor, known: Tensor, *, condition: Tensor, generator: Generator
    ) -> Tensor:
        """As `ARM.complete`, a known beginning, each example given its condition."""
        return self._given(condition, count_rows(x)).complete(x, known, generator=generator)

    def _given(self, condition: Tensor, n: int) -> CachedARM:
        """The law of n examples, each at its condition."""
        check_rows(condition, n, event=(self.conditions,), like=self)
        return CachedARM(GivenNet(self.net, condition), dim=self.dim, levels=self.levels)


class GivenNet(nn.Module):
    """A conditional network at fixed conditions: a network for an `ARM` or a `CachedARM`.

    Args:
        net: takes a condition as its second argument.
        condition: (B, C), one row for each example that will come.
    """

    def __init__(self, net: nn.Module, condition: Tensor) -> None:
        check_methods(net, "__call__", name="net")
        check_tensor(condition, "condition")
        super().__init__()
        self.net: Any = net
        self.condition = condition

    def forward(self, x: Tensor) -> Tensor:
        """Maps levels (B, D) to logits (B, D, K)."""
        logits: Tensor = self.net(x, self.condition)
        return logits

    def start(self, n: int) -> object:
        """The network's memory of n examples at their conditions."""
        return self.net.start(n, self.condition)

    def step(self, memory: object, x: Tensor, d: int) -> Tensor:
        """Logits of x_d, (n, K)."""
        logits: Tensor = self.net.step(memory, x, d)
        return logits
