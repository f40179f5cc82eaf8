"""The transformer of the digits: 64 tokens, a pixel each."""

from torch import Generator

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from benchmarks.leaderboard.copies import TOLD, among_copies
from benchmarks.leaderboard.entries.arm import best_chain
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, SHAPE, Split
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.nets.pixeltransformer import PixelTransformer

D = 64


def transformer(split: Split, generator: Generator, quick: bool) -> CachedARM:
    """Attention to all pixels before; trained as those of `labelled`, told no digit.

    Started from independent pixels. Copies and their strength are those of `labelled`; width,
    depth, dropout, decay and rate are first guesses, and none was tuned.
    """
    net = PixelTransformer(
        SHAPE, levels=LEVELS, width=16 if quick else 64, heads=4, depth=1 if quick else 3,
        conditions=TOLD, dropout=0.1, generator=generator,
    )  # fmt: skip
    net.start_from(best_chain(split, 0, tied=False).table[:, 0])
    originals, copies = (1, 1) if quick else (48, 48)
    x, told = among_copies(split.train, originals=originals, copies=copies, generator=generator)
    model = ConditionalARM(net, dim=D, levels=LEVELS, conditions=TOLD)
    one_cycle(model, x, condition=told, valid=None, epochs=1, batch_size=50, rate=3e-3, decay=0.5,
              generator=generator)  # fmt: skip
    return CachedARM(net, dim=D, levels=LEVELS)


BOARD = DIGITS
ENTRIES = (Entry("transformer, 64 tokens", transformer, seeds=3, learned=weights),)
