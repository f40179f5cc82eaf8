"""Sampling with memory: what a network has computed of the past, it does not compute again."""

from typing import Any, Protocol, cast

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_integers
from coursepkg.models.autoregressive.arm import ARM, _categorical, _places
from coursepkg.validate import check_methods


class Stepwise(Protocol):
    """A network that gives its logits one variable at a time, for the price of one."""

    def start(self, n: int) -> Any:
        """The memory of n examples before the first variable."""

    def step(self, memory: Any, x: Tensor, d: int) -> Tensor:
        """Logits of x_d, (n, K): of x, (n, D), it reads what stands before d. Changes `memory`.

        It is called with d = 0, 1, 2, ..., each once.
        """


class CachedARM(ARM):
    """An `ARM` whose draws cost D steps of its network and not D passes: the same draws.

    Source: :eq:`arm-sampling`. Scoring is that of `ARM`. With the same generator the two draw the
    same levels, unless rounding moves a probability across a random number.

    Args:
        net: maps levels (B, D) to logits (B, D, K), and has `start` and `step`; in eval mode.
        dim: number of variables D.
        levels: number of levels K.

    Raises:
        TypeError: if the network takes no steps.
    """

    def __init__(self, net: nn.Module, *, dim: int, levels: int) -> None:
        check_methods(net, "__call__", name="net")
        check_integers(dim=dim, levels=levels)
        if not hasattr(net, "step"):
            raise TypeError(f"net: expected one with start and step, got a {type(net).__name__}")
        super().__init__(net, dim=dim, levels=levels)

    @torch.no_grad()
    def left_to_right(self, x: Tensor, known: Tensor, *, generator: Generator) -> Tensor:
        """Draws what is not known, in order, each x_d from p(x_d | x_{<d}): (B, D) -> (B, D)."""
        x, net = x.clone(), cast("Stepwise", self.net)
        memory, missing = net.start(len(x)), _places(~known)
        for d in range(max(missing, default=-1) + 1):
            logits = net.step(memory, x, d)
            if d in missing:
                drawn = _categorical(logits.log_softmax(-1), generator=generator)
                x[:, d] = torch.where(known[..., d], x[:, d], drawn)
        return x
