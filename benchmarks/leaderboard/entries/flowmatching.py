"""Flow matching on Gaussianised pixels: a bound, since uniform noise and random signs enter."""

from torch import Generator

from benchmarks.leaderboard.board import DIGITS, Entry
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, Split
from coursepkg.models.copula import Gaussianiser
from coursepkg.models.flows.estimated import DequantisedEstimate
from coursepkg.models.flows.matching import FlowMatching
from coursepkg.nets.timed import TimedMLP

D = 64


def flow_matching(split: Split, generator: Generator, quick: bool) -> DequantisedEstimate:
    """Straight paths from noise to pixels made Gaussian one by one; the last weights are kept.

    Validation selects nothing: the loss of the regression is not the bound.
    """
    field = TimedMLP(D, hidden=256, blocks=2, dropout=0.1, generator=generator)
    pixels = Gaussianiser(dim=D, levels=LEVELS, smoothing=0.3).fit(split.train + 0.5)
    density = FlowMatching(field, dim=D, steps=2 if quick else 10)
    model = DequantisedEstimate(density, levels=LEVELS, transform=pixels)
    one_cycle(
        model, split.train, valid=None, epochs=1 if quick else 150, batch_size=50, rate=2e-3,
        decay=0.1, clip=10.0, generator=generator,
    )  # fmt: skip
    return model


BOARD = DIGITS
ENTRIES = (Entry("flow matching, uniform noise", flow_matching, seeds=3),)
