"""One training loop for every model with a loss: a plain loop on Lightning Fabric.

The same call trains on a laptop's core, on a GPU, or on several processes (``fabric run --devices 2
script.py``): a batch of ``batch_size`` examples is shared out over the processes, and the recipe,
and for a deterministic loss the gradients, are the same but for rounding. Noise is each process's
own. ``--precision=bf16-mixed`` computes losses in half the bits where a GPU has such numbers.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from coursepkg import rng
from coursepkg.evaluation.likelihood import eval_mode
from coursepkg.protocols import Trainable
from coursepkg.training.checkpoint import RunState
from coursepkg.training.checks import (
    check_amounts,
    check_recipe,
    check_shares,
    check_step,
    recipe_of,
)
from coursepkg.training.epochs import (
    Examples,
    Player,
    default_fabric,
    mean_loss,
    resumed,
    run_epochs,
    shuffled,
)
from coursepkg.training.history import History

M = TypeVar("M", bound=nn.Module)


def fit(
    model: M,
    train: Tensor,
    *,
    condition: Tensor | None = None,
    valid: Tensor | None = None,
    valid_condition: Tensor | None = None,
    epochs: int,
    batch_size: int,
    optimizer: Optimizer,
    schedule: LRScheduler | None = None,
    select: Callable[[M], float] | None = None,
    monitor: Callable[[M], object] | None = None,
    patience: int | None = None,
    ema: float | None = None,
    clip: float = math.inf,
    checkpoint: str | Path | None = None,
    fabric: Fabric | None = None,
    generator: Generator,
    progress: bool = True,
) -> History:
    """Minimises the mean of ``model.loss`` over `train`; leaves the best weights in `model`.

    `select` and `monitor` are called after each epoch, on every process, with the model to look at
    as their argument (with `ema` it is not `model`): in eval mode and without gradients. What they
    draw from `generator` is put back, so that the training is the same with and without them.
    Noise of their own should be seeded inside, or a resumed run will not repeat it.

    Args:
        model: has ``loss(x, *, generator) -> (B,)``; with conditions
            ``loss(x, *, condition, generator)``.
        train: training examples, (N, *event).
        condition: what the training examples are conditioned on, one row each, (N, ...).
        valid: validation examples. Unless there is `select`, the weights of the epoch with the
            lowest validation loss are kept; without either, the last epoch's are.
        valid_condition: what the validation examples are conditioned on.
        epochs: passes over the training examples, at most.
        batch_size: examples per step, over all processes together.
        optimizer: over ``model.parameters()``.
        schedule: changes the learning rate; stepped after every batch.
        select: a score of the model, lower is better, where a loss has no level that could tell
            (an energy's, say). The weights of the epoch with the lowest are kept, the first of
            equals; the validation loss is then only recorded.
        monitor: what it returns (numbers, strings, lists, dicts or tensors) is kept, as a copy.
        patience: stop after so many epochs without a better score or validation loss.
        ema: decay of an exponential moving average of the weights, such as 0.99. The averaged
            weights are then those that are validated, selected and kept.
        clip: largest norm of the gradient.
        checkpoint: file written after every epoch. If it exists, training continues from it, and
            ends with the same bits as a run that was never interrupted.
        fabric: where to run; by default what ``fabric run`` says, else on the model's own device.
        generator: source of the order of the examples and of the loss's noise; on the CPU.
        progress: show a progress bar.

    Returns:
        The `History`; a model on several processes has equal weights on each.

    Raises:
        TypeError: if the model has no loss, `select` returns no number, or `monitor` what a
            checkpoint cannot hold.
        ValueError: if an argument is impossible, the optimizer moves parameters that are not the
            model's, the schedule another optimizer, or the checkpoint is corrupt or of another run.
        OSError: if the checkpoint's folder does not exist, or nothing can be written there.
        FloatingPointError: if the loss or its gradient is not finite. The weights are then those
            before the bad step, and the checkpoint that of the last complete epoch. Also if the
            score or validation loss that selects is NaN.
    """
    examples = Examples(train, condition)
    held_out = None if valid is None else Examples(valid, valid_condition)
    _check(model, examples, held_out, valid_condition)
    check_amounts(epochs=epochs, batch_size=batch_size, patience=patience)
    check_recipe(model, clip=clip, ema=ema, select=select, monitor=monitor, generator=generator,
                 optimizer=optimizer)  # fmt: skip
    if schedule is not None and getattr(schedule, "optimizer", None) is not optimizer:
        raise ValueError("schedule: expected one of this optimizer, got one of another")
    if schedule is not None:
        check_step("schedule", schedule)
    if patience is not None and valid is None and select is None:
        raise ValueError("patience: expected validation examples or select, got neither")
    fabric = fabric or default_fabric(model)
    check_shares(examples, batch_size, fabric)
    given = {"valid": valid, "selected": select, "monitored": monitor}
    run = RunState(
        model, {"optimizer": optimizer, "schedule": schedule}, ema=ema, generator=generator,
        history=History(), recorded={"train"} | {k for k, v in given.items() if v is not None},
        recipe=recipe_of(examples, batch_size=batch_size, ema=ema, clip=clip, optimizer=optimizer),
    )  # fmt: skip
    path = resumed(run, checkpoint, fabric)
    wrapped, stepper = fabric.setup(model, optimizer)
    wrapped.mark_forward_method("loss")
    player = Player(wrapped.loss, wrapped, stepper, clip, fabric)

    def epoch() -> None:
        run.history.train.append(_train_epoch(run, player, schedule, examples, batch_size))
        if held_out is not None:
            loss = _validation_loss(run.judged, held_out, batch_size, fabric.device)
            run.history.valid.append(loss)

    run_epochs(run, epoch, epochs=epochs, patience=patience, select=select, monitor=monitor,
               path=path, fabric=fabric, progress=progress)  # fmt: skip
    return run.history


def _train_epoch(
    run: RunState[History], player: Player, schedule: LRScheduler | None, examples: Examples,
    batch_size: int,
) -> float:  # fmt: skip
    """One pass over the training examples in random order; returns the mean loss."""
    fabric = player.fabric
    noise = rng.spawn(run.generator, stream=fabric.global_rank, device=fabric.device)
    steps = []
    for batch in shuffled(examples, batch_size, fabric=fabric, generator=run.generator):
        steps.append(player.step(batch, noise))
        if schedule is not None:
            schedule.step()
        run.update_average()
    return mean_loss(steps, fabric)


def _validation_loss(
    model: Any, held_out: Examples, batch_size: int, device: torch.device
) -> float:
    # the same noise every epoch, so that epochs are compared on equal terms
    noise, starts = rng.seeded(0, device=device), range(0, len(held_out), batch_size)
    with torch.no_grad(), eval_mode(model):
        batches = (held_out.rows(slice(i, i + batch_size), device) for i in starts)
        return torch.cat([batch.losses(model.loss, noise) for batch in batches]).mean().item()


def _check(
    model: object, examples: Examples, held_out: Examples | None, valid_condition: Tensor | None
) -> None:
    if not (isinstance(model, nn.Module) and isinstance(model, Trainable)):
        raise TypeError(
            f"model: expected a method loss(x, *, generator), got {type(model).__name__}"
        )
    examples.check("train", "condition")
    if held_out is not None:
        held_out.check("valid", "valid_condition")
        (event, dtype), found = ((x.shape[1:], x.dtype) for x in (examples.x, held_out.x))
        if found != (event, dtype):
            raise ValueError(
                f"valid: expected examples {tuple(event)} of {dtype} as train has, got "
                f"{tuple(found[0])} of {found[1]}"
            )
        if (examples.condition is None) != (valid_condition is None):
            raise ValueError("expected both condition and valid_condition or neither, got one")
    elif valid_condition is not None:
        raise ValueError("valid_condition: expected valid to go with it, got none")
