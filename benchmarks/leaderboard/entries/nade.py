"""NADE of the binarised digits: in the raster's order, and a mixture over several orders."""

import torch
from torch import Generator

from benchmarks.leaderboard.board import BINARISED, Entry, weights
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import Split
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.orders import Bits, Ensemble, Reordered
from coursepkg.nets.nade import NADE

D = 64
ORDERS = 8


def nade(split: Split, generator: Generator, quick: bool) -> Bits:
    """The raster's order."""
    return _trained(split, torch.arange(D), generator, quick)


def nade_orders(split: Split, generator: Generator, quick: bool) -> Bits:
    """A NADE of its own for each of several random orders; the average of their laws."""
    members = [
        _trained(split, torch.randperm(D, generator=generator), generator, quick).model
        for _ in range(2 if quick else ORDERS)
    ]
    return Bits(Ensemble(members))


def _trained(split: Split, order: torch.Tensor, generator: Generator, quick: bool) -> Bits:
    """Started from independent pixels; by the recipe of `one_cycle`."""
    net = NADE(
        dim=D, levels=2, hidden=10 if quick else 300, dropout=0.5, generator=generator
    )  # fmt: skip
    rate = split.train.mean(0).clamp(0.001, 0.999)
    net.start_from(torch.stack([1 - rate, rate], dim=1)[order].log())
    model = Bits(Reordered(CachedARM(net, dim=D, levels=2), order))
    one_cycle(
        model, split.train, valid=split.valid, epochs=1 if quick else 50, batch_size=50, rate=3e-3,
        decay=0.1, generator=generator,
    )  # fmt: skip
    return model


BOARD = BINARISED
ENTRIES = (
    Entry("NADE, raster order", nade, seeds=3, learned=weights),
    Entry("NADE, mixture over 8 orders", nade_orders, learned=weights),
)
