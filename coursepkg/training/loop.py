"""One training loop for every model with a loss: a plain loop on Lightning Fabric.

The same call trains on a laptop's core, on a GPU, or on several processes (``fabric run --devices 2
script.py``): a batch of ``batch_size`` examples is shared out over the processes, so that the
recipe, and for a deterministic loss the gradients, stay the same.
"""

import math
import os
import pickle
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from matplotlib.axes import Axes
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from coursepkg import plotting, rng
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.protocols import Trainable


@dataclass
class History:
    """What happened, one entry per epoch: mean loss per example, in the loss's own unit (nats)."""

    train: list[float] = field(default_factory=list)
    valid: list[float] = field(default_factory=list)
    seconds: float = 0.0
    best_epoch: int = 0  # counted from 1; without validation the last one

    def plot(self, ax: Axes) -> Axes:
        """Draws the learning curves on the matplotlib axes `ax`, and returns it."""
        losses = {"train": self.train, "validation": self.valid}
        ax = plotting.curves(
            range(1, len(self.train) + 1), {name: y for name, y in losses.items() if y}, ax=ax
        )
        ax.set(xlabel="epoch", ylabel="mean loss (nats)")
        return ax


def fit(
    model: nn.Module,
    train: Tensor,
    *,
    valid: Tensor | None = None,
    epochs: int,
    batch_size: int,
    optimizer: Optimizer,
    schedule: LRScheduler | None = None,
    patience: int | None = None,
    ema: float | None = None,
    clip: float = math.inf,
    checkpoint: str | Path | None = None,
    fabric: Fabric | None = None,
    generator: Generator,
    progress: bool = True,
) -> History:
    """Minimises the mean of ``model.loss`` over `train`; leaves the best weights in `model`.

    Args:
        model: has ``loss(x, *, generator) -> (B,)``.
        train: training examples, (N, *event).
        valid: validation examples; the weights of the epoch with the lowest validation loss are
            kept. Without them the last epoch's are.
        epochs: passes over the training examples, at most.
        batch_size: examples per step, over all processes together.
        optimizer: over ``model.parameters()``.
        schedule: changes the learning rate; stepped after every batch.
        patience: stop after so many epochs without a better validation loss.
        ema: decay of an exponential moving average of the weights, such as 0.99. The averaged
            weights are then those that are validated and kept.
        clip: largest norm of the gradient.
        checkpoint: file written after every epoch. If it exists, training continues from it, and
            ends with the same bits as a run that was never interrupted.
        fabric: where to run; by default what ``fabric run`` says, else on the model's own device.
        generator: source of the order of the examples and of the loss's noise; on the CPU.
        progress: show a progress bar.

    Returns:
        The `History`; a model on several processes has equal weights on each.

    Raises:
        ValueError: if an argument is impossible, or the checkpoint is corrupt or of another run.
        FloatingPointError: if the loss or its gradient is not finite. The weights are then those
            before the bad step, and the checkpoint that of the last complete epoch.
    """
    _check(model, train, valid, epochs=epochs, batch_size=batch_size, patience=patience)
    fabric = fabric or _default_fabric(model)
    run = _Run(model, optimizer, schedule, ema, generator)
    path = Path(checkpoint) if checkpoint else None
    if path and path.exists():
        run.load(path)
    wrapped, stepper = fabric.setup(model, optimizer)
    wrapped.mark_forward_method("loss")

    history, start = run.history, time.perf_counter() - run.history.seconds
    bar = tqdm(total=epochs, initial=len(history.train), unit="epoch",
               disable=not (progress and fabric.is_global_zero))  # fmt: skip
    with bar:
        while len(history.train) < epochs and not run.stalled(patience):
            try:
                loss = _train_epoch(run, wrapped, stepper, train, batch_size, clip, fabric)
            except FloatingPointError as error:
                raise FloatingPointError(
                    f"epoch {len(history.train) + 1}: {error}; {path}"
                ) from None
            run.end_epoch(loss, valid, batch_size, fabric.device)
            history.seconds = time.perf_counter() - start
            if path and fabric.is_global_zero:
                run.save(path)
            bar.set_postfix(loss=f"{(history.valid or history.train)[-1]:.2f}")
            bar.update()
    model.load_state_dict(run.best)
    return history


def _train_epoch(
    run: "_Run", model: Any, optimizer: Any, train: Tensor, batch_size: int, clip: float,
    fabric: Fabric,
) -> float:  # fmt: skip
    """One pass over the training examples in random order; returns the mean loss."""
    noise = rng.spawn(run.generator, stream=fabric.global_rank, device=fabric.device)
    order = torch.randperm(len(train), generator=run.generator)
    total, seen = torch.zeros((), device=fabric.device), 0
    for batch in order.split(batch_size):
        mine = batch[: len(batch) // fabric.world_size * fabric.world_size]
        x = train[mine[fabric.global_rank :: fabric.world_size]].to(fabric.device)
        if len(x) == 0:  # fewer examples left than processes
            continue
        loss = model.loss(x, generator=noise).mean()
        optimizer.zero_grad()
        fabric.backward(loss)
        norm = fabric.clip_gradients(model, optimizer, max_norm=clip, error_if_nonfinite=False)
        assert norm is not None  # only the strategies for sharded models return none
        if not (loss.isfinite() and norm.isfinite()):
            raise FloatingPointError(f"loss {loss.item()}, norm of its gradient {norm.item()}")
        optimizer.step()
        if run.schedule is not None:
            run.schedule.step()
        if run.average is not None:
            run.average.update_parameters(run.model)
        total, seen = total + loss.detach() * len(x), seen + len(x)
    mean: Tensor = fabric.all_reduce(total / seen, reduce_op="mean")  # type: ignore[assignment]
    return mean.item()


class _Run:
    """Everything that must continue bit for bit; saved as state dicts and plain numbers."""

    def __init__(
        self, model: nn.Module, optimizer: Optimizer, schedule: LRScheduler | None,
        ema: float | None, generator: Generator,
    ) -> None:  # fmt: skip
        self.model, self.optimizer, self.schedule = model, optimizer, schedule
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(ema)) if ema else None
        self.generator, self.history = generator, History()
        self.best: dict[str, Tensor] = {}

    @property
    def parts(self) -> dict[str, Any]:
        parts = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule,
                 "average": self.average}  # fmt: skip
        return {name: part for name, part in parts.items() if part is not None}

    def stalled(self, patience: int | None) -> bool:
        return (
            patience is not None and len(self.history.train) - self.history.best_epoch >= patience
        )

    def end_epoch(
        self, loss: float, valid: Tensor | None, batch_size: int, device: torch.device
    ) -> None:
        """Records the epoch, scores the (averaged) weights, and keeps them if they are the best."""
        history = self.history
        scored: Any = self.average.module if self.average else self.model
        history.train.append(loss)
        if valid is not None:
            # the same noise every epoch, so that epochs are compared on equal terms
            noise = rng.seeded(0, device=device)
            with torch.no_grad(), eval_mode(scored):
                losses = [
                    scored.loss(x.to(device), generator=noise) for x in valid.split(batch_size)
                ]
            history.valid.append(torch.cat(losses).mean().item())
        if valid is None or history.valid[-1] == min(history.valid):
            history.best_epoch = len(history.train)
            self.best = {k: v.detach().clone() for k, v in scored.state_dict().items()}

    def save(self, path: Path) -> None:
        """Writes beside the file, then replaces it: an interrupted write loses nothing."""
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {"generator": self.generator.get_state(), "history": asdict(self.history),
                  "best": self.best}  # fmt: skip
        new = path.with_name(path.name + ".new")
        torch.save(state, new)
        new.replace(path)

    def load(self, path: Path) -> None:
        """Continues from `path`, after checking that it belongs to this model and recipe."""
        try:
            state = torch.load(path, weights_only=True)
            saved = {k: tuple(v.shape) for k, v in state["model"].items()}
            names, history = set(state), History(**state["history"])
        except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as e:
            raise ValueError(f"{path}: expected a checkpoint written by fit, got: {e}") from e
        shapes = {k: tuple(v.shape) for k, v in self.model.state_dict().items()}
        if saved != shapes:
            odd = sorted(set(saved.items()) ^ set(shapes.items()))[:4]
            raise ValueError(f"{path}: checkpoint of another model; they differ in {odd}")
        expected = {*self.parts, "generator", "history", "best"}
        if names != expected:
            raise ValueError(f"{path}: expected {sorted(expected)}, got {sorted(names)}")
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.generator.set_state(state["generator"])
        self.history, self.best = history, state["best"]


def _default_fabric(model: nn.Module) -> Fabric:
    if os.environ.get("LT_CLI_USED") == "1":  # `fabric run` says where
        fabric = Fabric()
        fabric.launch()
        return fabric
    device = next(model.parameters()).device
    return Fabric(accelerator=device.type, devices=[device.index or 0] if device.index else 1)


def _check(
    model: nn.Module, train: Tensor, valid: Tensor | None, *, epochs: int, batch_size: int,
    patience: int | None,
) -> None:  # fmt: skip
    if not isinstance(model, Trainable):
        raise TypeError(
            f"model: expected a method loss(x, *, generator), got {type(model).__name__}"
        )
    for name, data in (("train", train), ("valid", valid)):
        if data is not None and len(data) == 0:
            raise ValueError(f"{name}: expected at least one example, got none")
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: expected at least 1, got {value}")
    if patience is not None and valid is None:
        raise ValueError("patience: expected validation examples to be patient about, got none")
