"""Generative stochastic networks of the digits: chains of a denoiser; no density, so — for nats.

Chains start at uniform levels, and what counts is where they stand after `STEPS` steps.
"""

from functools import partial

import torch
from torch import Generator, Tensor, nn

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, Split
from coursepkg.models.chains.corruption import PixelCorruption, Redraw
from coursepkg.models.chains.denoisers import PixelDenoiser
from coursepkg.models.chains.gsn import GSN, WalkBack
from coursepkg.nets.head import LevelHead
from coursepkg.nets.levels import LevelEmbedding
from coursepkg.nets.residual import ResidualMLP

D, EMBEDDED, CHANNELS = 64, 3, 8
STEPS = 100


def denoiser(
    split: Split, corruption: PixelCorruption, *, hidden: int, generator: Generator
) -> PixelDenoiser:
    """A perceptron of all pixels, whose output starts at the shares of each pixel's levels."""
    shares = torch.stack([(split.train == k).float().mean(0) for k in range(LEVELS)], dim=1)
    head = LevelHead(dim=D, levels=LEVELS, channels=CHANNELS)
    head.start_from((shares + 0.5 / len(split.train)).log())
    net = nn.Sequential(
        LevelEmbedding(LEVELS + 1, EMBEDDED, generator=generator), nn.Flatten(),
        ResidualMLP(D * EMBEDDED, D * CHANNELS, hidden=hidden, blocks=2, dropout=0.2,
                    generator=generator),
        head,
    )  # fmt: skip
    return PixelDenoiser(net, dim=D, corruption=corruption)


def trained(split: Split, generator: Generator, quick: bool, *, share: float, walk: int) -> GSN:
    """Pixels redrawn with probability `share`; `walk` corruptions of walking back.

    Args:
        split: digits; `valid` chooses the epoch.
        generator: of weights, order, corruption and dropout.
        quick: a moment's training.
        share: probability that a pixel is redrawn.
        walk: corruptions of a walk; 1 for none but the first.
    """
    hidden, epochs, steps = (16, 1, 2) if quick else (256, 40, STEPS)
    corruption = Redraw(share, levels=LEVELS)
    law = denoiser(split, corruption, hidden=hidden, generator=generator)
    model = GSN(law, corruption, steps=steps)
    one_cycle(
        WalkBack(model, steps=walk), split.train, valid=split.valid, epochs=epochs, batch_size=50,
        rate=3e-3, decay=0.5, clip=100.0, generator=generator,
    )  # fmt: skip
    return model.eval()


def drawn(model: GSN, n: int, generator: Generator) -> Tensor:
    """Levels, (n, D)."""
    return model.sample(n, generator=generator)


BOARD = DIGITS
ENTRIES = (
    Entry("GSN", partial(trained, share=0.3, walk=1), seeds=3, learned=weights, draw=drawn),
    Entry("GSN, walked back", partial(trained, share=0.3, walk=3), seeds=3, learned=weights,
          draw=drawn),
)  # fmt: skip
