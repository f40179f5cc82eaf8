"""What a board is, the images that its lines model; and a line: a function that trains a model."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Generator, Tensor, nn

from coursepkg.data.digits import Split, binarise, load_split
from coursepkg.samplers.weighting import Estimate


class Board(NamedTuple):
    """One variable, so that scores on it can be compared.

    Args:
        images: what is scored, in words.
        load: reads its three parts.
    """

    images: str
    load: Callable[[], Split]


DIGITS = Board("447 digits", load_split)
BINARISED = Board("447 digits of zeros and ones", lambda: Split(*map(binarise, load_split())))


@runtime_checkable
class Counted(Protocol):
    """A model that says how much it learned: not all numbers that it holds, or others too."""

    @property
    def learned(self) -> int:
        """How many numbers were learned."""


def learned(model: object) -> int:
    """Numbers that the model learned: what it says, else all of its state."""
    if isinstance(model, Counted):
        return model.learned
    state = model.state_dict() if isinstance(model, nn.Module) else {}
    return sum(value.numel() for value in state.values())


def learned_inside(model: Any) -> int:
    """The same of a model in its wrappers: their log Z was not learned."""
    inside = getattr(model, "model", None)
    return learned(model) if inside is None else learned_inside(inside)


def weights(model: nn.Module) -> int:
    """Numbers that gradients move: no masks, no orders, and what is shared counts once."""
    return sum(p.numel() for p in model.parameters())


def itself(trained: Any, quick: bool) -> Any:
    """What was trained, as it is."""
    return trained


class Entry(NamedTuple):
    """One line of a board. Lines with the same `fit` are of one training, done once.

    Args:
        family: what the line is called.
        fit: trains on ``split.train``, selects on ``split.valid``, never looks at ``split.test``;
            ``quick`` asks for a moment's training, for tests.
        seeds: how many seeds; 1 if nothing is random.
        log_z: estimates log Z, with its standard error, of a model that says a free energy only.
        look: makes the model that is scored of what was trained.
        learned: counts the numbers that the model learned.
        draws: of a bound for each image, where the usual number takes too long.
        draw: for a model that defines no density, which gets — for nats: n images (n, D) on the
            scale of the board's, and `samples` measures them; None where a likelihood is known.
        chain: the same for a model that has a likelihood, but no `sample` that can be paid for.
    """

    family: str
    fit: Callable[[Split, Generator, bool], object]
    seeds: int = 1
    log_z: Callable[[Any, Split, Generator], Estimate] | None = None
    look: Callable[[Any, bool], Any] = itself
    learned: Callable[[Any], int] = learned
    draws: int | None = None
    draw: Callable[[Any, int, Generator], Tensor] | None = None
    chain: Callable[[Any, int, Generator], Tensor] | None = None
