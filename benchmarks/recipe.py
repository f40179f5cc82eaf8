"""The recipe that most networks here are trained by."""

import math
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from benchmarks.muon import Muon
from coursepkg.models.language import NextSymbol
from coursepkg.training import fit, warm_up_cosine


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


def on_text(
    net: nn.Module, y: Tensor, *, steps: int, length: int, batch_size: int, rate: float,
    decay: float = 0.1, least: float = 0.1, matrices: float | None = None, generator: Generator,
) -> nn.Module:  # fmt: skip
    """AdamW on pieces of a long text from anywhere; the rate warms up, then falls along a cosine.

    Or Muon for the matrices, AdamW for all else.

    Args:
        net: maps symbols (B, T) to scores (B, T, K) of the symbol that follows each.
        y: the text, (N,) symbols.
        steps: number of steps, of which a twentieth warms up.
        length: symbols that are predicted in each piece.
        batch_size: pieces a step.
        rate: the highest learning rate.
        decay: AdamW's weight decay.
        least: share of the rate at the end.
        matrices: the highest rate of Muon for the matrices of linear maps; None for AdamW.
        generator: of the pieces and of dropout.

    Returns:
        The network, in eval mode.
    """
    model = NextSymbol(net, symbols=int(y.max()) + 1).train()
    learnt = {p for p in model.parameters() if p.requires_grad}
    maps = {m.weight for m in model.modules() if isinstance(m, nn.Linear) and matrices} & learnt
    optimizers: list[Optimizer] = [
        AdamW([p for p in model.parameters() if p in learnt - maps],
              lr=rate, weight_decay=decay, betas=(0.9, 0.95)),
    ]  # fmt: skip
    if matrices:
        in_order = [p for p in model.parameters() if p in maps]
        optimizers.append(Muon(in_order, lr=matrices, weight_decay=decay))
    schedules = [
        warm_up_cosine(optimizer, warm_up=steps // 20, steps=steps, least=least)
        for optimizer in optimizers
    ]
    pieces = y.unfold(0, length + 1, 1)  # a view
    for _ in range(steps):
        rows = torch.randint(len(pieces), (batch_size,), generator=generator)
        model.zero_grad()
        model.loss(pieces[rows], generator=generator).mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
    model.eval()
    return net
