"""The recipe that most networks here are trained by."""

import math
from typing import Any

from torch import Generator, Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from coursepkg.training import fit


def one_cycle(
    model: Any, train: Tensor, *, valid: Tensor | None, condition: Tensor | None = None,
    valid_condition: Tensor | None = None, epochs: int, batch_size: int, rate: float, decay: float,
    ema: float = 0.99, clip: float = math.inf, generator: Generator,
) -> None:  # fmt: skip
    """AdamW with one cycle of the rate and averaged weights; keeps the best epoch of validation.

    Or the last, where the loss is none to select by.

    Args:
        model: what `fit` trains.
        train: examples, (N, *event).
        valid: examples that choose the epoch; None for the last.
        condition: what the training examples are conditioned on, one row each.
        valid_condition: the same for validation.
        epochs: passes over the examples.
        batch_size: examples a step.
        rate: the highest learning rate.
        decay: AdamW's weight decay.
        ema: decay of the average of the weights.
        clip: largest norm of the gradient.
        generator: of the order and of dropout.
    """
    optimizer = AdamW(model.parameters(), lr=rate, weight_decay=decay)
    steps = epochs * math.ceil(len(train) / batch_size)
    schedule = OneCycleLR(
        optimizer, max_lr=rate, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    fit(
        model, train, condition=condition, valid=valid, valid_condition=valid_condition,
        epochs=epochs, batch_size=batch_size, optimizer=optimizer, schedule=schedule, ema=ema,
        clip=clip, generator=generator, progress=False,
    )  # fmt: skip
