"""What must continue bit for bit when a training is interrupted: saved as plain numbers."""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar
from zipfile import BadZipFile, ZipFile

import torch
from torch import Generator, Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from coursepkg.files import replacing
from coursepkg.training.history import Record

H = TypeVar("H", bound=Record)


class RunState(Generic[H]):
    """A training between two epochs.

    Args:
        model: whose weights are trained.
        parts: what else has a `state_dict`: optimizers, schedules; none is left out.
        ema: decay of the moving average of the weights; none or 0 for no average.
        generator: the training's source of randomness.
        history: the record to go on with, empty.
        recorded: fields of the history that every epoch of this training adds to.
        recipe: what else a run that goes on must share with the one before, by name.
    """

    def __init__(
        self, model: nn.Module, parts: Mapping[str, Any], *, ema: float | None,
        generator: Generator, history: H, recorded: set[str],
        recipe: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        if ema is not None and not 0 <= ema < 1:
            raise ValueError(f"ema: expected 0 <= ema < 1, got {ema}")
        self.model, self.generator = model, generator
        self.history, self.recorded = history, recorded
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(ema)) if ema else None
        # the model comes last: if another part refuses its state, the weights are untouched
        candidates = {**parts, "average": self.average, "model": model}
        self.parts = {name: part for name, part in candidates.items() if part is not None}
        self.best: dict[str, Tensor] = {}
        self.recipe = {name: str(value) for name, value in (recipe or {}).items()}

    @property
    def judged(self) -> Any:
        """The model with the weights that are scored, watched and kept: the average, if any."""
        return self.model if self.average is None else self.average.module

    def update_average(self) -> None:
        """Moves the average, if there is one, towards the present weights."""
        if self.average is not None:
            self.average.update_parameters(self.model)

    def keep(self) -> None:
        """Makes the judged weights of this epoch the best."""
        self.history.best_epoch = self.history.epochs
        self.best = {k: v.detach().clone() for k, v in self.judged.state_dict().items()}

    def save(self, path: Path) -> None:
        """Writes beside the file, then replaces it: an interrupted write loses nothing.

        Raises:
            OSError: if it cannot be written; the file is then the one before.
        """
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {"generator": self.generator.get_state(), "history": vars(self.history),
                  "best": self.best, "recipe": self.recipe}  # fmt: skip
        try:
            with replacing(path) as new:
                torch.save(state, new)
        except (OSError, RuntimeError) as e:  # torch's own, where the disk is full
            raise OSError(f"{path}: expected to write a checkpoint, got: {e}") from e

    def load(self, path: Path) -> None:
        """Continues from `path`, after checking that it belongs to this model and recipe.

        Raises:
            ValueError: if the file is no checkpoint, or that of another model or recipe.
        """
        try:
            _check_sound(path)
            state = torch.load(path, weights_only=True, map_location="cpu")
            saved = {k: tuple(v.shape) for k, v in state["model"].items()}
            history = type(self.history)(**state["history"])
            filled = {k for k, v in vars(history).items() if isinstance(v, list) and v}
        except (OSError, RuntimeError, EOFError, LookupError, TypeError, AttributeError, ValueError,
                pickle.UnpicklingError, BadZipFile) as e:  # fmt: skip
            raise ValueError(f"{path}: expected a checkpoint of this loop, got: {e}") from e
        shapes = {k: tuple(v.shape) for k, v in self.model.state_dict().items()}
        if saved != shapes:
            odd = sorted(set(saved.items()) ^ set(shapes.items()))[:4]
            raise ValueError(f"{path}: checkpoint of another model; they differ in {odd}")
        before = state.pop("recipe", self.recipe)  # older files have none
        expected = {*self.parts, "generator", "history", "best"} | _dotted(self.recorded)
        if (names := set(state) | _dotted(filled)) != expected:
            raise ValueError(
                f"{path}: expected a run of this recipe, got one without "
                f"{sorted(expected - names)} and with {sorted(names - expected)}"
            )
        if apart := sorted(set(before.items()) ^ set(self.recipe.items())):
            raise ValueError(f"{path}: expected a run of this recipe; they differ in {apart}")
        try:
            for name, part in self.parts.items():
                part.load_state_dict(state[name])
            self.generator.set_state(state["generator"])
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as e:
            raise ValueError(f"{path}: expected a run of this recipe, got: {e}") from e
        self.history, self.best = history, state["best"]


def _check_sound(path: Path) -> None:
    """Compares every part of the file with its checksum, which torch writes and does not read."""
    with ZipFile(path) as archive:
        if (part := archive.testzip()) is not None:
            raise BadZipFile(f"a damaged file, in its part {part}")


def _dotted(fields: set[str]) -> set[str]:
    return {f"history.{name}" for name in fields}


def through_checkpoint(value: object) -> Any:
    """A copy of `value` as a checkpoint would give it back, with tensors on the CPU.

    Raises:
        TypeError: if a checkpoint cannot hold it, or would not load it without running code.
    """
    file = io.BytesIO()
    try:
        torch.save(value, file)
        file.seek(0)
        return torch.load(file, weights_only=True, map_location="cpu")
    except (pickle.PickleError, AttributeError, TypeError) as e:
        raise TypeError(
            "monitor: expected numbers, strings, lists, dicts or tensors, which a checkpoint can "
            f"hold, got {value!r:.100}"
        ) from e
