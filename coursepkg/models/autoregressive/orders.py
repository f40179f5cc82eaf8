"""Other orders of the variables, many of them at once, and averages of models."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_draws, check_generator
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.validate import check_binary, check_levels, check_mask, check_methods, check_order


class Reordered(nn.Module):
    r"""An autoregressive model that takes the variables in another order.

    With y_i = x_{o_i}: :math:`p(x) = \prod_i p(x_{o_i} \mid x_{o_1}, \dots, x_{o_{i-1}})`, the
    model's own law of y. Renaming the variables changes no volume.

    Says: `log_prob`, exact (=).

    Args:
        model: the model of y.
        order: (D,) int64, the variables as they come.

    Raises:
        TypeError: if the order is not int64.
        ValueError: if it is no permutation.
    """

    order: Tensor

    def __init__(self, model: ARM, order: Tensor) -> None:
        check_methods(model, "log_prob", "sample")
        super().__init__()
        check_order(order, dim=model.dim)
        self.model, self.dim, self.levels = model, model.dim, model.levels
        self.register_buffer("order", order.clone())

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""
        check_levels(x, event=(self.dim,), levels=self.levels)
        return self.model.log_prob(x[:, self.order])

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """-log p(x), (B, D) -> (B,), nats, with the network's dropout drawn from `generator`."""
        check_levels(x, event=(self.dim,), levels=self.levels)
        return self.model.loss(x[:, self.order], generator=generator)

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D)."""
        return self.model.sample(n, generator=generator)[:, self.order.argsort()]

    def complete(self, x: Tensor, known: Tensor, *, generator: Generator) -> Tensor:
        """As `ARM.complete`; a beginning is one in this order."""
        check_levels(x, event=(self.dim,), levels=self.levels)
        check_mask(known, x)
        y = self.model.complete(x[:, self.order], known[..., self.order], generator=generator)
        return y[:, self.order.argsort()]


class Ensemble(nn.Module):
    r"""Uniform mixture of models of the same variables: :math:`p(x) = \frac1n \sum_o p_o(x)`.

    Of one model in n orders, or of n models. Says: `log_prob`, exact (=); at worst log n nats below
    the best member, for every x. Sources: :eq:`mixture-of-orders`, :eq:`mixture-weights`.

    Args:
        members: models with `log_prob`, `loss` and `sample`, of equal dim and levels; they may
            share their weights.

    Raises:
        ValueError: if there are none, or they are of different sizes.
    """

    def __init__(self, members: Sequence[Any]) -> None:
        super().__init__()
        sizes = {(member.dim, member.levels) for member in members}
        if len(sizes) != 1:
            raise ValueError(f"members: expected models of one size, got sizes {sorted(sizes)}")
        self.members: Any = nn.ModuleList(members)
        ((self.dim, self.levels),) = sizes

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""
        each = torch.stack([member.log_prob(x) for member in self.members])
        return each.logsumexp(0) - math.log(len(each))

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """-log p_o(x) of one member, drawn for the batch, (B, D) -> (B,), nats.

        On average over the draw it is no lower than -log p(x) (Jensen), and trains all members.
        """
        check_generator(generator)
        o = torch.randint(len(self.members), (), generator=generator, device=generator.device)
        loss: Tensor = self.members[int(o)].loss(x, generator=generator)
        return loss

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D), each from a member that is drawn first."""
        check_draws(n, generator)
        which = torch.randint(len(self.members), (n,), generator=generator, device=generator.device)
        x = which.new_empty(n, self.dim)
        for o, member in enumerate(self.members):
            if count := int((which == o).sum()):
                x[which == o] = member.sample(count, generator=generator)
        return x


class AveragedConditionals(nn.Module):
    r"""A network for an `ARM`: the average of what several networks expect, variable by variable.

    :math:`p(x_d \mid x_{<d}) = \frac1n \sum_m p_m(x_d \mid x_{<d})`. Each member weighs 1/n at
    every variable; an `Ensemble` of the models bets on the one that has predicted best so far.

    Args:
        nets: networks of one order, each from levels (B, D) to logits (B, D, K).
    """

    def __init__(self, nets: Sequence[nn.Module]) -> None:
        super().__init__()
        if not nets:
            raise ValueError("nets: expected at least one network, got none")
        self.nets: Any = nn.ModuleList(nets)

    def forward(self, x: Tensor) -> Tensor:
        """Maps levels (B, D) to logarithms of the average, (B, D, K)."""
        return _log_mean([net(x) for net in self.nets])

    def start(self, n: int) -> list[object]:
        """The memories of the networks."""
        return [net.start(n) for net in self.nets]

    def step(self, memory: list[object], x: Tensor, d: int) -> Tensor:
        """Logits of x_d, (B, K)."""
        return _log_mean([net.step(m, x, d) for net, m in zip(self.nets, memory, strict=True)])


class Bits(nn.Module):
    """A model of two levels as one of zeros and ones that are real numbers, as binary images are.

    Says what the model says: `log_prob`, exact (=). It has `complete` if the model has it.

    Args:
        model: of two levels, with `log_prob`, `loss` and `sample`.

    Raises:
        ValueError: if it has other levels.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        if model.levels != 2:
            raise ValueError(f"model: expected 2 levels, got {model.levels}")
        self.model, self.dim = model, model.dim
        if hasattr(model, "complete"):
            self.complete = self._complete

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""
        check_binary(x, event=(self.dim,), like=self)
        log_p: Tensor = self.model.log_prob(x.long())
        return log_p

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """The model's loss, (B, D) -> (B,), nats."""
        check_binary(x, event=(self.dim,), like=self)
        loss: Tensor = self.model.loss(x.long(), generator=generator)
        return loss

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D)."""
        x: Tensor = self.model.sample(n, generator=generator)
        return x.to(next(self.parameters()))

    def _complete(self, x: Tensor, known: Tensor, *, generator: Generator) -> Tensor:
        """Keeps x where it is known and draws the rest, as the model does."""
        check_binary(x, event=(self.dim,), like=self)
        check_mask(known, x)
        filled: Tensor = self.model.complete(x.long(), known, generator=generator)
        return filled.to(x)


def _log_mean(logits: list[Tensor]) -> Tensor:
    """log of the average of the networks' probabilities, (..., K)."""
    return torch.stack(logits).log_softmax(-1).logsumexp(0) - math.log(len(logits))
