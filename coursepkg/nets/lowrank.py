"""Low-rank adapters: a trained linear map stays, and learns a correction of small rank."""

import copy
import math
from typing import TypeVar

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_generator, check_integers

M = TypeVar("M", bound=nn.Module)


class LowRank(nn.Module):
    r"""A linear map and a correction: :math:`W x + b + B A x`, of which A and B are learnt.

    Source: :eq:`lora`; Hu et al., *LoRA* (2022), section 4.1. B starts at 0, so that nothing
    changes at first; A starts with entries of variance 1/(columns), so that A x has about the size
    of x. Where A is square, orthogonal and held, a gradient step on B is one on W
    (:eq:`lora-full-rank`). It has what an `nn.Linear` has, its `weight` being W + B A: some
    networks read the matrix itself, to put a mask on it.

    Args:
        linear: the map, (..., n) -> (..., m); it is kept as it is, and no longer learns.
        rank: r; min(n, m) reaches every correction.
        generator: draws A.

    Raises:
        ValueError: if the rank is not 1 to min(n, m).
    """

    def __init__(self, linear: nn.Linear, *, rank: int, generator: Generator) -> None:
        check_integers(rank=rank)
        check_generator(generator)
        super().__init__()
        most = min(linear.weight.shape)
        if not 1 <= rank <= most:
            raise ValueError(f"rank: expected 1 to {most}, full rank, got {rank}")
        W = linear.weight
        noise = torch.randn(
            rank, W.shape[1], generator=generator, device=generator.device, dtype=W.dtype
        )
        self.linear = linear.requires_grad_(False)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.A = nn.Parameter(noise.to(W) / math.sqrt(W.shape[1]))
        self.B = nn.Parameter(W.new_zeros(W.shape[0], rank))
        self.train(linear.training)

    @property
    def weight(self) -> Tensor:
        """W + B A, (m, n)."""
        return self.linear.weight + self.B @ self.A

    @property
    def bias(self) -> Tensor | None:
        """b, (m,), or None."""
        b: Tensor | None = self.linear.bias
        return b

    def forward(self, x: Tensor) -> Tensor:
        """Maps (..., n) to (..., m)."""
        y: Tensor = self.linear(x) + x @ self.A.T @ self.B.T
        return y

    def merged(self) -> nn.Linear:
        """One linear map that does the same: W + B A."""
        linear = copy.deepcopy(self.linear).requires_grad_(True)
        with torch.no_grad():
            linear.weight.copy_(self.weight)
        return linear


def adapt(net: M, *, rank: int, generator: Generator) -> M:
    """A copy of a network in which every linear map has an adapter, and nothing else learns.

    Args:
        net: it is not changed.
        rank: of all adapters; of a smaller map its full rank.
        generator: draws the matrices A.

    Raises:
        ValueError: if the rank is below 1, there is no linear map, or one has an adapter already.
    """
    if any(isinstance(module, LowRank) for module in net.modules()):
        raise ValueError("net: expected one without adapters, got some; first merge_adapters(net)")
    adapted = copy.deepcopy(net).requires_grad_(False)
    places = [
        (module, name, child)
        for module in adapted.modules() for name, child in module.named_children()
        if isinstance(child, nn.Linear)
    ]  # fmt: skip
    if not places:
        raise ValueError(f"net: expected one made of linear maps, got a {type(net).__name__}")
    for module, name, child in places:
        r = min(rank, *child.weight.shape)
        setattr(module, name, LowRank(child, rank=r, generator=generator))
    return adapted


def merge_adapters(net: M) -> M:
    """A copy in which adapters are part of their maps: the same function, the old names.

    Args:
        net: made by `adapt`; it is not changed.

    Raises:
        ValueError: if no part of it is an adapter; one alone has `merged`.
    """
    if not any(isinstance(part, LowRank) for part in list(net.modules())[1:]):
        raise ValueError(f"net: expected one made of adapters, got a {type(net).__name__} of none")
    merged = copy.deepcopy(net).requires_grad_(True)
    for module in list(merged.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, LowRank):
                setattr(module, name, child.merged())
    return merged


def learnt(net: nn.Module) -> int:
    """How many numbers of a network learn."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad)
