"""Sums over all states of a finite model: the truth that every estimate is held against.

D binary variables have 2^D states. A sum over them is exact and costs 2^D evaluations, so it is
refused above `LIMIT` states, with the price in the message.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, Generic, TypeVar

import torch
from torch import Generator, Tensor, nn

from coursepkg.protocols import Countable, Enumerable, EnumerableBound
from coursepkg.validate import check_methods

M = TypeVar("M", bound=Countable)

LIMIT = 2**22  # states; a minute of one core, about
CHUNK = 2**14  # states in memory at once


def check_states(count: int, *, what: str) -> None:
    """Checks that a sum over `count` states can be paid for.

    Raises:
        ValueError: if it has more than `LIMIT` terms.
    """
    if count > LIMIT:
        raise ValueError(
            f"{what}: expected at most 2^22 = {LIMIT:,} states to enumerate, got {_rough(count)}"
            f", {_rough(count // LIMIT)} times as many; estimate it instead (annealed importance "
            "sampling, say)"
        )


def _rough(count: int) -> str:
    """Three digits of a count, which may be too large for a float."""
    return f"{count:.3g}" if count < 10**300 else f"1e+{math.log10(count):.0f}"


def binary_states(D: int, *, like: Tensor) -> Tensor:
    """All vectors of D zeros and ones, (2^D, D), the last coordinate fastest; of `like`'s type.

    Raises:
        ValueError: if there are more than `LIMIT`.
    """
    check_states(2**D, what=f"all states of {D} binary units")
    return torch.cat(list(_chunks(D, like=like)))


def table_states(levels: Sequence[int], *, device: torch.device | str = "cpu") -> Tensor:
    """All combinations of levels, (Π K_d, D) int64, the last coordinate fastest.

    Raises:
        ValueError: if there are more than `LIMIT`.
    """
    check_states(prod(levels), what=f"all states of {len(levels)} variables")
    return torch.cartesian_prod(*[torch.arange(K, device=device) for K in levels]).view(
        -1, len(levels)
    )


def log_sum_exp(f: Callable[[Tensor], Tensor], D: int, *, like: Tensor) -> Tensor:
    """log Σ_s exp f(s) over all 2^D vectors s of zeros and ones, (), in batches of `CHUNK`.

    Source: :eq:`partition-function`. Differentiable in what f depends on; then all batches are kept
    in memory.

    Args:
        f: maps states (n, D) to (n,), nats.
        D: number of binary variables.
        like: a tensor of the type and on the device that f wants.

    Raises:
        ValueError: if there are more than `LIMIT` states.
    """
    check_states(2**D, what=f"a sum over {D} binary units")
    parts = [torch.logsumexp(f(s), dim=0) for s in _chunks(D, like=like)]
    return torch.logsumexp(torch.stack(parts), dim=0)


def _chunks(D: int, *, like: Tensor) -> Iterator[Tensor]:
    place = torch.arange(D - 1, -1, -1, device=like.device)
    for start in range(0, 2**D, CHUNK):
        number = torch.arange(start, min(start + CHUNK, 2**D), device=like.device)
        yield (number[:, None] >> place & 1).to(like.dtype)


class Unnormalised(nn.Module):
    """What knows p(x) up to log Z only, and says so to whoever asks for its `log_prob`."""

    def __getattr__(self, name: str) -> Any:
        """Names the wrapper that has what is missing here."""
        if name == "log_prob":
            raise AttributeError(
                f"log_prob: expected of a model that is normalised, got {type(self).__name__}, "
                "which knows p(x) up to log Z; Normalised(model) sums over all states, if they "
                "are few"
            )
        return super().__getattr__(name)


class _WithConstant(nn.Module, Generic[M]):
    """A model beside its log Z, which is computed once, here."""

    log_Z: Tensor
    needs: tuple[str, ...]  # methods of the model

    def __init__(self, model: M) -> None:
        check_methods(model, *self.needs)
        super().__init__()
        self.model = model
        with torch.no_grad():
            self.register_buffer("log_Z", model.log_z())


class Normalised(_WithConstant[Enumerable]):
    """An energy model with its exact log Z: log p(x) = -F(x) - log Z.

    Says: `log_prob`, exact (=). Log Z is computed once, at the start: if the weights of the model
    change afterwards, make a new one.

    Args:
        model: has `free_energy` and an exact `log_z`.
    """

    needs = ("free_energy", "log_z")

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (B, D) -> (B,), nats."""
        return -self.model.free_energy(x) - self.log_Z


class NormalisedBound(_WithConstant[EnumerableBound]):
    """A model that draws weights of Z p(x), with its exact log Z.

    Says: `log_weight` (≤). Log Z is computed once, at the start, as in `Normalised`.

    Args:
        model: has `unnormalised_log_weight` and an exact `log_z`.
    """

    needs = ("unnormalised_log_weight", "log_z")

    def log_weight(self, x: Tensor, *, generator: Generator) -> Tensor:
        """log w with E w = p(x), so a lower bound on log p(x) on average, (B, D) -> (B,), nats."""
        return self.model.unnormalised_log_weight(x, generator=generator) - self.log_Z
