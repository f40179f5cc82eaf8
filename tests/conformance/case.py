"""What a case is, and the inputs that many cases share."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Generator, Tensor

from coursepkg.evaluation import Given
from tests.oracles import states


@dataclass(frozen=True)
class Case:
    """One instance.

    Args:
        make: builds it from a generator.
        data: draws n inputs that it must accept, (n, *event).
        space: all inputs if they are few, else none.
        grid: points (M, *event) on which a density can be summed, and the volume of a cell.
        refused: inputs that must raise, each with a word of the message.
        coins: what it says rests on draws of zeros and ones, which differ between precisions.
        mass: what p(x) sums to, of the model made: below 1 only if its docstring says so.
        condition: of a conditional model: draws n conditions, (n, *shape).
    """

    name: str
    make: Callable[[Generator], Any]
    data: Callable[[int, Generator], Tensor]
    space: Tensor | None = None
    grid: tuple[Tensor, float] | None = None
    refused: list[tuple[Any, str]] = field(default_factory=list)
    coins: bool = False
    mass: Callable[[Any], float] = lambda _: 1.0
    condition: Callable[[int, Generator], Tensor] | None = None

    def given(self) -> "Case":
        """The ordinary law that a conditional model is at one condition."""

        def make(generator: Generator) -> Given:
            return Given(self.make(generator), self.condition(1, generator)[0])

        return replace(self, name=f"Given-{self.name}", make=make, condition=None)


K, D = 3, 4


def levels(n: int, generator: Generator) -> Tensor:
    return torch.randint(K, (n, D), generator=generator)


BAD_LEVELS = [
    (torch.zeros(2, D + 1, dtype=torch.int64), "shape"),
    (torch.zeros(D, dtype=torch.int64), "shape"),
    (torch.zeros(0, D, dtype=torch.int64), "at least one"),
    (torch.full((2, D), K), "levels"),
    (torch.full((2, D), -1), "levels"),
    (torch.zeros(2, D), "integer"),
    ([[0] * D], "Tensor"),
]


def perturbed(model: torch.nn.Module, generator: Generator, *, by: float = 0.5) -> torch.nn.Module:
    """Parameters far from any symmetric start, so that nothing passes on zeros."""
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=by)
    return model


def square(side: float, M: int) -> tuple[Tensor, float]:
    """Midpoints of M² cells of [-side, side]², and the area of a cell."""
    x = (torch.arange(M, dtype=torch.float64) + 0.5) * (2 * side / M) - side
    return torch.cartesian_prod(x, x), (2 * side / M) ** 2


def line(low: float, high: float, M: int) -> tuple[Tensor, float]:
    h = (high - low) / M
    return low + (torch.arange(M, dtype=torch.float64) + 0.5) * h, h


def plane(n: int, generator: Generator) -> Tensor:
    return 2 * torch.randn(n, 2, generator=generator)


BAD_LINE = [
    (torch.zeros(2, 1), "shape"),
    (torch.zeros(0), "at least one"),
    (torch.zeros(3, dtype=torch.int64), "floating"),
    (torch.tensor([torch.nan]), "NaN"),
]


BAD_PLANE = [
    (torch.zeros(2, 3), "shape"),
    (torch.zeros(2), "shape"),
    (torch.zeros(0, 2), "at least one"),
    (torch.zeros(3, 2, dtype=torch.int64), "floating"),
    (torch.tensor([[0, torch.inf]]), "inf"),
]


def inside(n: int, generator: Generator) -> Tensor:
    return torch.randn(n, generator=generator).clamp(-5, 5)


def discrete(name: str, make: Callable[[Generator], Any]) -> Case:
    return Case(name, make, levels, space=states(K, D), refused=BAD_LEVELS)


def planar(name: str, make: Callable[[], Any], *, side: float = 9.0, M: int = 600) -> Case:
    return Case(name, lambda _: make(), plane, grid=square(side, M), refused=BAD_PLANE)


def bits(n: int, generator: Generator) -> Tensor:
    return torch.randint(2, (n, D), generator=generator).to(torch.get_default_dtype())


BAD_BITS = [
    (torch.zeros(2, D + 1), "shape"),
    (torch.zeros(D), "shape"),
    (torch.zeros(0, D), "at least one"),
    (torch.full((2, D), 2.0), "zeros and ones"),
    (torch.full((2, D), 0.5), "zeros and ones"),
    (torch.full((2, D), torch.nan), "NaN"),
    (torch.zeros(2, D, dtype=torch.int64), "floating"),
]


def binary(name: str, make: Callable[[Generator], Any], *, coins: bool = False) -> Case:
    return Case(name, make, bits, space=states(2, D).double(), refused=BAD_BITS, coins=coins)
