"""Masked diffusion of the digits: any-order models, one U-Net for all orders."""

from functools import partial

import torch
from torch import Generator

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from benchmarks.leaderboard.copies import TOLD, among_copies
from benchmarks.leaderboard.entries.arm import best_chain
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, SHAPE, Split
from coursepkg.models.diffusion import ConditionalDiffusion, ToldNet
from coursepkg.models.masked import AnyOrder
from coursepkg.nets import SymbolUNet

D = 64


def network(*, hidden: int, dropout: float, generator: Generator) -> SymbolUNet:
    """The network, told a distortion beside the symbols."""
    return SymbolUNet(
        SHAPE, levels=LEVELS, embedding=4, channels=8, hidden=hidden, conditions=TOLD,
        dropout=dropout, generator=generator,
    )  # fmt: skip


def any_order(split: Split, generator: Generator, quick: bool) -> AnyOrder:
    """Trained on the images and on distorted copies, told how each was; one pixel at a time.

    By the recipe of `diffusion.trained`: no copy is seen twice.
    """
    hidden, originals, copies = (8, 1, 1) if quick else (64, 100, 100)
    net = network(hidden=hidden, dropout=0.2, generator=generator)
    net.head.start_from(best_chain(split, 0, tied=False).table[:, 0])
    model = ConditionalDiffusion(net, around, conditions=TOLD)
    x, told = among_copies(split.train, originals=originals, copies=copies, generator=generator)
    one_cycle(
        model, x, condition=told, valid=None, epochs=1, batch_size=100, rate=3.5e-3, decay=0.5,
        clip=100.0, generator=generator,
    )  # fmt: skip
    return around(ToldNet(net, torch.zeros(TOLD)))


around = partial(AnyOrder, dim=D, levels=LEVELS)
BOARD = DIGITS
ENTRIES = (Entry("any order, one pixel at a time", any_order, learned=weights, draws=2),)
