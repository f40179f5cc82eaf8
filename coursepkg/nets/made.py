"""MADE: a perceptron made causal by masks, in any order of the variables."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import linear

from coursepkg.counts import check_integer_lists, check_integers, check_share
from coursepkg.nets.levels import soft_levels
from coursepkg.rng import global_state_from
from coursepkg.validate import check_order


class MADE(nn.Module):
    r"""Masked autoencoder for distribution estimation: one perceptron, all conditionals, any order.

    Variable d has rank r_d in the order; hidden unit k the degree m_k, the highest rank it sees.
    An edge from a variable to a unit stands if :math:`r_d \le m_k`, one between units if
    :math:`m_k \le m_{k'}`, one to the logits of d if :math:`m_k < r_d`, so that every path from
    x_e to logits d has :math:`r_e < r_d`. Another order is another mask on the same weights.
    Source: :eq:`made-masks`; Germain, Gregor, Murray and Larochelle, "MADE" (2015), equations 12
    and 13.

    Args:
        dim: number of variables D.
        levels: number of levels K.
        hidden: widths of the hidden layers, at least one.
        dropout: probability that a hidden unit is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, *, dim: int, levels: int, hidden: Sequence[int], dropout: float = 0.0,
        generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(hidden=hidden)
        check_integers(dim=dim, levels=levels)
        check_share(dropout=dropout)
        super().__init__()
        if dim < 1 or levels < 2 or not hidden or min(hidden) < 1:
            raise ValueError(
                "expected dim >= 1, levels >= 2 and hidden widths >= 1, got "
                f"{dim}, {levels}, {list(hidden)}"
            )
        self.dim, self.levels = dim, levels
        with global_state_from(generator):
            self.layers = nn.ModuleList(
                nn.Linear(*size) for size in pairwise([dim * levels, *hidden, dim * levels])
            )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, order: Tensor | None = None) -> Tensor:
        """Maps levels (B, D), or soft ones (B, D, K), to logits (B, D, K).

        Args:
            x: levels.
            order: (D,) int64, the variables as they come; default 0, 1, ..., D - 1.
        """
        h = soft_levels(x, self.levels).flatten(1).to(self._layers[0].weight.dtype)
        *before, last = zip(self._layers, self.masks(order), strict=True)
        for layer, mask in before:
            h = self.dropout(linear(h, layer.weight * mask, layer.bias).relu())
        layer, mask = last
        return linear(h, layer.weight * mask, layer.bias).view(-1, self.dim, self.levels)

    def masks(self, order: Tensor | None = None) -> list[Tensor]:
        """Which edges stand, bool, one matrix (out, in) for each layer."""
        device = self._layers[0].weight.device
        order = torch.arange(self.dim, device=device) if order is None else order
        check_order(order, dim=self.dim)
        rank = order.argsort().repeat_interleave(self.levels)  # of every input and logit
        degrees = [
            torch.arange(layer.out_features, device=device) % max(self.dim - 1, 1)
            for layer in self._layers[:-1]
        ]
        hidden = [high[:, None] >= low for low, high in pairwise([rank, *degrees])]
        return [*hidden, rank[:, None] > degrees[-1]]

    @property
    def _layers(self) -> list[nn.Linear]:
        return cast("list[nn.Linear]", list(self.layers))


class InOrder(nn.Module):
    """A network that knows any order, in one of them: its variables come as the order has them.

    Args:
        net: maps levels (B, D) and an order to logits (B, D, K), as `MADE` does; not copied.
        order: (D,) int64, the variables as they come.
    """

    order: Tensor

    def __init__(self, net: nn.Module, order: Tensor) -> None:
        super().__init__()
        check_order(order, dim=len(order))
        self.net = net
        self.register_buffer("order", order.clone())

    def forward(self, y: Tensor) -> Tensor:
        """Maps y = x[:, order], (B, D) or soft (B, D, K), to its logits (B, D, K)."""
        logits: Tensor = self.net(y[:, self.order.argsort()], self.order)
        return logits[:, self.order]
