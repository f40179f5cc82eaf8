"""What the loops share: batches, a step down a loss, and what happens after each epoch.

A batch of `batch_size` examples is shared out over P processes, in turns. They average their
gradients, so that each weighs its mean loss by P times its share of the batch: the recipe, and for
a deterministic loss the gradients, are those of one process but for rounding.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Generator, Tensor, nn
from tqdm import tqdm

from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.training.checkpoint import RunState, through_checkpoint
from coursepkg.validate import check_real, count_rows


@dataclass(frozen=True)
class Examples:
    """Rows of x (N, *event) and, row by row, of what they are conditioned on.

    `weight` is that of their mean loss: of n of a batch's N examples, on P processes, P n / N.
    """

    x: Tensor
    condition: Tensor | None = None
    weight: float = 1.0

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, rows: Tensor | slice, device: torch.device) -> "Examples":
        """Some of the rows, on `device`."""
        c = None if self.condition is None else self.condition[rows].to(device)
        return Examples(self.x[rows].to(device), c)

    def losses(self, loss: Callable[..., Tensor], generator: Generator) -> Tensor:
        """One loss an example, (N,); an unconditional model does not know the word condition."""
        told = {} if self.condition is None else {"condition": self.condition}
        found: object = loss(self.x, **told, generator=generator)
        if not isinstance(found, Tensor) or found.shape != (len(self),):
            what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(f"loss: expected shape ({len(self)},), one an example, got {what}")
        return found

    def check(self, name: str, condition: str) -> None:
        """Checks that there are examples, and as many conditions; calls the two by these names.

        Raises:
            TypeError: if one of them is not a tensor.
            ValueError: if there are no examples, or more or fewer conditions.
        """
        for what, rows in ((name, self.x), (condition, self.condition)):
            if rows is not None and not isinstance(rows, Tensor):
                raise TypeError(f"{what}: expected a torch.Tensor, got {type(rows).__name__}")
        count_rows(self.x, name=name)
        if name == "train" and self.x.is_floating_point():  # what only watches may be NaN
            check_real(self.x, name=name)
        if self.condition is not None and self.condition.shape[:1] != self.x.shape[:1]:
            raise ValueError(
                f"{condition}: expected {len(self)} rows, one for each example, got shape "
                f"{tuple(self.condition.shape)}"
            )


@dataclass(frozen=True)
class Player:
    """A loss and the optimizer that lowers it, as Fabric set them up."""

    loss: Callable[..., Tensor]
    model: Any
    optimizer: Any
    clip: float
    fabric: Fabric

    def step(self, batch: Examples, noise: Generator) -> tuple[Tensor, int]:
        """One step of the optimizer; the mean loss before it, and of how many examples.

        Raises:
            FloatingPointError: if the loss or its gradient is not finite; no weight has changed.
        """
        with self.fabric.autocast():  # on one device Fabric's wrapper leaves it out
            loss = batch.losses(self.loss, noise).mean()
        if not loss.requires_grad:
            raise ValueError("loss: expected one that depends on a parameter, got a constant")
        self.optimizer.zero_grad()
        self.fabric.backward(batch.weight * loss)
        norm = self.fabric.clip_gradients(
            self.model, self.optimizer, max_norm=self.clip, error_if_nonfinite=False
        )
        assert norm is not None  # only the strategies for sharded models return none
        if not (loss.isfinite() and norm.isfinite()):
            raise FloatingPointError(f"loss {loss.item()}, norm of its gradient {norm.item()}")
        self.optimizer.step()
        return loss.detach(), len(batch)


def shuffled(
    examples: Examples, batch_size: int, *, fabric: Fabric, generator: Generator
) -> Iterator[Examples]:
    """One pass in random order: of each batch this process's share, every P-th example."""
    order, P = torch.randperm(len(examples), generator=generator), fabric.world_size
    for batch in order.split(batch_size):
        if len(batch) >= P:  # else a process would have none: they are left out of this pass
            mine = batch[fabric.global_rank :: P]
            share = examples.rows(mine, fabric.device)
            yield replace(share, weight=P * len(mine) / len(batch))


def mean_loss(steps: list[tuple[Tensor, int]], fabric: Fabric) -> float:
    """Mean over the examples of all steps, and over the processes."""
    total = sum((loss * n for loss, n in steps), start=torch.zeros(()))
    count = torch.tensor(sum(n for _, n in steps))
    over_all: Any = fabric.all_reduce([total, count], reduce_op="sum")
    return float(over_all[0] / over_all[1])


def run_epochs(
    run: RunState[Any], epoch: Callable[[], None], *, epochs: int, patience: int | None,
    select: Callable[[Any], float] | None, monitor: Callable[[Any], object] | None,
    path: Path | None, fabric: Fabric, progress: bool,
) -> None:  # fmt: skip
    """Goes on until there are `epochs` or `patience` ends; leaves the best weights in the model.

    Args:
        run: where the training stands.
        epoch: trains for one epoch, and adds its losses to the history.
        epochs: how many there shall be.
        patience: how many may pass without a better score.
        select: scores the weights; lower is better.
        monitor: looks at the weights.
        path: the checkpoint to write after every epoch.
        fabric: where it runs.
        progress: show a progress bar.

    Raises:
        FloatingPointError: as `epoch` does, or for a score that is NaN; names the epoch.
    """
    history, start = run.history, time.perf_counter() - run.history.seconds
    bar = tqdm(total=epochs, initial=history.epochs, unit="epoch",
               disable=not (progress and fabric.is_global_zero))  # fmt: skip
    with bar:
        while (done := history.epochs) < epochs and not (
            patience is not None and done - history.best_epoch >= patience
        ):
            try:
                epoch()
                _look(run, select, monitor, fabric)
            except FloatingPointError as error:
                raise FloatingPointError(f"epoch {done + 1}: {error}; {path}") from None
            history.seconds = time.perf_counter() - start
            if path is not None and fabric.is_global_zero:
                run.save(path)
            bar.set_postfix({k: f"{v[-1]:.2f}" for k, v in history.losses.items() if v})
            bar.update()
    run.model.load_state_dict(run.best)


def _look(
    run: RunState[Any], select: Callable[[Any], float] | None,
    monitor: Callable[[Any], object] | None, fabric: Fabric,
) -> None:  # fmt: skip
    """Scores and watches the weights after an epoch, and keeps them if they are the best."""
    history = run.history
    with torch.no_grad(), eval_mode(run.judged), _unmoved(run.generator):
        if select is not None:
            # one process decides for all, or they might not stop at the same epoch
            history.selected.append(fabric.broadcast(_number(select(run.judged))))
        if monitor is not None:
            history.monitored.append(through_checkpoint(monitor(run.judged)))
    scores = history.scores
    if scores and math.isnan(scores[-1]):
        raise FloatingPointError(f"the score that selects the weights is {scores[-1]}")
    if not scores or scores.index(min(scores)) == len(scores) - 1:  # the first of equals
        run.keep()


def _number(score: object) -> float:
    try:
        return float(score)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError) as e:
        raise TypeError(f"select: expected to return one number, got {score!r:.100}") from e


@contextmanager
def _unmoved(generator: Generator) -> Iterator[None]:
    """Whoever draws from the training's generator in this block does not change the training."""
    state = generator.get_state()
    try:
        yield
    finally:
        generator.set_state(state)


def default_fabric(model: nn.Module) -> Fabric:
    """What ``fabric run`` says, else the device that the model is on."""
    if os.environ.get("LT_CLI_USED") == "1":
        return Fabric()  # the processes are there already
    device = next(model.parameters()).device
    return Fabric(accelerator=device.type, devices=[device.index or 0] if device.index else 1)


def resumed(run: RunState[Any], checkpoint: str | Path | None, fabric: Fabric) -> Path | None:
    """The checkpoint's path, after continuing from it if it exists.

    Raises:
        TypeError: if it is no path.
        OSError: if it would be in a folder that does not exist, or where none may write.
        ValueError: if it is a folder, or no checkpoint of this run; or exists for some of the
            processes only, on a disk that they do not share.
    """
    if checkpoint is None:
        return None
    if not isinstance(checkpoint, str | Path):
        raise TypeError(f"checkpoint: expected a path, got {checkpoint!r:.60}")
    path = Path(checkpoint)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"checkpoint: expected a file in a folder that exists, got {path}; there is no folder "
            f"{path.parent}"
        )
    if path.is_dir():
        raise ValueError(f"checkpoint: expected a file, got the folder {path}")
    try:
        TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise OSError(
            f"checkpoint: expected a folder to write in, got {path.parent}: {error.strerror}"
        ) from None
    fabric.barrier()  # the first process may still write that of an earlier call
    there = path.exists()
    share: Any = fabric.all_reduce(torch.tensor(float(there)), reduce_op="mean")
    if share != there:  # so that none goes on alone
        raise ValueError(
            f"{path}: expected a disk that all processes share, got a checkpoint for some of them"
        )
    if there:
        run.load(path)
    return path
