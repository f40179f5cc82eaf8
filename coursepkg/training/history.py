"""What happened in a training, epoch by epoch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes

from coursepkg import plotting


@dataclass(kw_only=True)
class Record(ABC):
    """What every training leaves behind, one entry per epoch; abstract."""

    selected: list[float] = field(default_factory=list)  # what `select` returned
    monitored: list[Any] = field(default_factory=list)  # what `monitor` returned
    seconds: float = 0.0
    best_epoch: int = 0  # whose weights are kept, from 1; where nothing selects the last one

    @property
    @abstractmethod
    def losses(self) -> dict[str, list[float]]:
        """The curves to draw, by name; the first has a value for every epoch."""

    @property
    def scores(self) -> list[float]:
        """What decides which epoch's weights are kept: the lowest does; empty if nothing does."""
        return self.selected

    @property
    def epochs(self) -> int:
        """How many epochs there were."""
        return len(next(iter(self.losses.values())))

    def plot(self, ax: Axes) -> Axes:
        """Draws the learning curves on the matplotlib axes `ax`, and returns it.

        Only the model knows the unit of its loss: nats for a likelihood, none for a hinge.
        """
        drawn = {name: values for name, values in self.losses.items() if values}
        ax = plotting.curves(range(1, self.epochs + 1), drawn, ax=ax)
        ax.set(xlabel="epoch", ylabel="mean loss")
        return ax


@dataclass(kw_only=True)
class History(Record):
    """What `fit` did: mean loss per example after each epoch, in the loss's own unit."""

    train: list[float] = field(default_factory=list)
    valid: list[float] = field(default_factory=list)

    @property
    def losses(self) -> dict[str, list[float]]:
        """The curves "train" and "validation"."""
        return {"train": self.train, "validation": self.valid}

    @property
    def scores(self) -> list[float]:
        """What `select` returned, else the validation losses."""
        return self.selected or self.valid


@dataclass(kw_only=True)
class AdversarialHistory(Record):
    """What `fit_adversarial` did: each player's mean loss per example, in its own unit.

    Neither says how good the samples are: a loss falls when its player gains on the other.
    """

    critic: list[float] = field(default_factory=list)
    generator: list[float] = field(default_factory=list)

    @property
    def losses(self) -> dict[str, list[float]]:
        """The curves "critic" and "generator"."""
        return {"critic": self.critic, "generator": self.generator}
