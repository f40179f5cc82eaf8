"""Training for two players: a critic learns to tell data from samples, a generator to fool it.

Neither loss says how good the samples are, so that there is no validation loss either: what is
worth keeping is for a measure of the samples to say (`select`).
"""

import math
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TypeVar

from lightning_fabric import Fabric
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from coursepkg import rng
from coursepkg.protocols import Adversarial
from coursepkg.training.checkpoint import RunState
from coursepkg.training.checks import check_amounts, check_recipe, check_shares, recipe_of
from coursepkg.training.epochs import (
    Examples,
    Player,
    default_fabric,
    mean_loss,
    resumed,
    run_epochs,
    shuffled,
)
from coursepkg.training.history import AdversarialHistory

M = TypeVar("M", bound=nn.Module)


def fit_adversarial(
    model: M,
    train: Tensor,
    *,
    condition: Tensor | None = None,
    critic_optimizer: Optimizer,
    generator_optimizer: Optimizer,
    critic_steps: int = 1,
    epochs: int,
    batch_size: int,
    select: Callable[[M], float] | None = None,
    monitor: Callable[[M], object] | None = None,
    ema: float | None = None,
    clip: float = math.inf,
    checkpoint: str | Path | None = None,
    fabric: Fabric | None = None,
    generator: Generator,
    progress: bool = True,
) -> AdversarialHistory:
    """Lowers ``model.critic_loss`` and ``model.generator_loss`` in turns, each for its own player.

    An epoch is one pass over the examples in random order, cut into n batches. Every batch serves
    one step of the critic. After each `critic_steps` of them, and after the last of the epoch, the
    generator makes one step, with the batch that the critic saw last: n steps of the critic in an
    epoch, and ⌈n / critic_steps⌉ of the generator.

    A step changes the parameters of its own optimizer only; gradients that a loss leaves at the
    other player's are cleared before they could be used.  Source: Goodfellow et al. 2014,
    Algorithm 1.

    On several processes most models need ``find_unused_parameters=True`` of DDP, since a critic's
    loss does not reach the generator's parameters if the samples are detached:
    ``fabric run --strategy ddp_find_unused_parameters_true --devices 2 script.py``.

    Args:
        model: has ``critic_loss(x, *, generator) -> (B,)`` and ``generator_loss(x, *, generator) ->
            (B,)``; with conditions both take ``condition`` too.
        train: training examples, (N, *event).
        condition: what the examples are conditioned on, one row each, (N, ...).
        critic_optimizer: over the critic's parameters.
        generator_optimizer: over the generator's; they have none in common.
        critic_steps: steps of the critic for each one of the generator.
        epochs: passes over the examples.
        batch_size: examples per step, over all processes together.
        select: as in `fit`: a score of the model, lower is better. The weights of the epoch with
            the lowest are kept; without it the last epoch's are.
        monitor: as in `fit`: what it returns after each epoch is kept.
        ema: decay of an exponential moving average of the weights of both players, moved after each
            step of the generator. The averaged weights are then those that are selected and kept.
        clip: largest norm of each player's gradient.
        checkpoint: file written after every epoch. If it exists, training continues from it, and
            ends with the same bits as a run that was never interrupted.
        fabric: where to run; by default what ``fabric run`` says, else on the model's own device.
        generator: source of the order of the examples and of the losses' noise; on the CPU.
        progress: show a progress bar.

    Returns:
        The `AdversarialHistory`; a model on several processes has equal weights on each.

    Raises:
        TypeError: if the model lacks a loss, `select` returns no number, or `monitor` what a
            checkpoint cannot hold.
        ValueError: if an argument is impossible, an optimizer moves parameters that are not the
            model's, or the checkpoint is corrupt or of another run.
        OSError: if the checkpoint's folder does not exist, or nothing can be written there.
        FloatingPointError: if a loss or its gradient is not finite. The weights of both players are
            then those before the bad step, and the checkpoint that of the last complete epoch.
            Also if a score is NaN.
    """
    examples = Examples(train, condition)
    _check(model)
    examples.check("train", "condition")
    check_amounts(epochs=epochs, batch_size=batch_size, critic_steps=critic_steps)
    optimizers = {"critic_optimizer": critic_optimizer, "generator_optimizer": generator_optimizer}
    check_recipe(model, clip=clip, ema=ema, select=select, monitor=monitor, generator=generator,
                 **optimizers)  # fmt: skip
    _check_apart(critic_optimizer, generator_optimizer)
    fabric = fabric or default_fabric(model)
    check_shares(examples, batch_size, fabric)
    given = {"selected": select, "monitored": monitor}
    run = RunState(
        model, optimizers, ema=ema, generator=generator, history=AdversarialHistory(),
        recorded={"critic", "generator"} | {k for k, v in given.items() if v is not None},
        recipe=recipe_of(examples, batch_size=batch_size, ema=ema, clip=clip, **optimizers),
    )  # fmt: skip
    path = resumed(run, checkpoint, fabric)
    wrapped, *steppers = fabric.setup(model, critic_optimizer, generator_optimizer)
    wrapped.mark_forward_method("critic_loss")
    wrapped.mark_forward_method("generator_loss")
    critic = Player(wrapped.critic_loss, wrapped, steppers[0], clip, fabric)
    forger = Player(wrapped.generator_loss, wrapped, steppers[1], clip, fabric)

    def epoch() -> None:
        losses = _train_epoch(run, critic, forger, examples, batch_size, critic_steps)
        run.history.critic.append(losses[0])
        run.history.generator.append(losses[1])

    run_epochs(run, epoch, epochs=epochs, patience=None, select=select, monitor=monitor, path=path,
               fabric=fabric, progress=progress)  # fmt: skip
    return run.history


def _train_epoch(
    run: RunState[AdversarialHistory], critic: Player, forger: Player, examples: Examples,
    batch_size: int, critic_steps: int,
) -> tuple[float, float]:  # fmt: skip
    """One pass over the examples in random order; returns the mean loss of each player."""
    fabric = critic.fabric
    noise = rng.spawn(run.generator, stream=fabric.global_rank, device=fabric.device)
    batches = shuffled(examples, batch_size, fabric=fabric, generator=run.generator)
    critics, forgers = [], []
    while turn := list(islice(batches, critic_steps)):
        critics += [critic.step(batch, noise) for batch in turn]
        forgers.append(forger.step(turn[-1], noise))
        run.update_average()
    return mean_loss(critics, fabric), mean_loss(forgers, fabric)


def _check(model: object) -> None:
    if not (isinstance(model, nn.Module) and isinstance(model, Adversarial)):
        raise TypeError(
            "model: expected methods critic_loss(x, *, generator) and "
            f"generator_loss(x, *, generator), got {type(model).__name__}"
        )


def _check_apart(critic: Optimizer, forger: Optimizer) -> None:
    first, second = ({p for group in player.param_groups for p in group["params"]}
                     for player in (critic, forger))  # fmt: skip
    if first & second:
        raise ValueError(
            "critic_optimizer, generator_optimizer: expected no parameter in common, got "
            f"{len(first & second)}"
        )
