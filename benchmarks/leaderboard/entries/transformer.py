"""The transformer of the digits: 64 tokens, a pixel each."""

import torch
from torch import Generator

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from benchmarks.leaderboard.entries.arm import best_chain
from benchmarks.leaderboard.entries.pixelcnn import TOLD, distorted
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, SHAPE, Split
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.nets.pixeltransformer import PixelTransformer

D = 64


def transformer(split: Split, generator: Generator, quick: bool) -> CachedARM:
    """Attention to all pixels before; trained as the PixelCNN is, told how copies were distorted.

    Started from independent pixels. Copies, their strength, decay and epochs are the PixelCNN's;
    width, depth, dropout and rate are first guesses, and none was tuned.
    """
    net = PixelTransformer(
        SHAPE, levels=LEVELS, width=16 if quick else 64, heads=4, depth=1 if quick else 3,
        conditions=TOLD, dropout=0.1, generator=generator,
    )  # fmt: skip
    net.start_from(best_chain(split, 0, tied=False).table[:, 0])
    copies, epochs = (1, 1) if quick else (10, 8)
    parts = [(split.train, split.train.new_zeros(len(split.train), TOLD).to(net.bias))]
    parts += [distorted(split.train, 0.12, generator) for _ in range(copies)]
    x, told = map(torch.cat, zip(*parts, strict=True))
    model = ConditionalARM(net, dim=D, levels=LEVELS, conditions=TOLD)
    one_cycle(
        model, x, condition=told, valid=split.valid,
        valid_condition=told.new_zeros(len(split.valid), TOLD), epochs=epochs, batch_size=50,
        rate=3e-3, decay=0.5, generator=generator,
    )  # fmt: skip
    return CachedARM(net, dim=D, levels=LEVELS)


BOARD = DIGITS
ENTRIES = (Entry("transformer, 64 tokens", transformer, seeds=3, learned=weights),)
