"""Flow matching on Gaussianised pixels: a bound, since uniform noise and random signs enter."""

from torch import Generator
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from benchmarks.leaderboard.board import DIGITS, Entry
from coursepkg.data.digits import LEVELS, Split
from coursepkg.models.copula import Gaussianiser
from coursepkg.models.flows.estimated import DequantisedEstimate
from coursepkg.models.flows.matching import FlowMatching
from coursepkg.nets.timed import TimedMLP
from coursepkg.training import fit

D = 64


def flow_matching(split: Split, generator: Generator, quick: bool) -> DequantisedEstimate:
    """Straight paths from noise to pixels made Gaussian one by one; the last weights are kept.

    Validation selects nothing: the loss of the regression is not the bound.
    """
    field = TimedMLP(D, hidden=256, blocks=2, dropout=0.1, generator=generator)
    pixels = Gaussianiser(dim=D, levels=LEVELS, smoothing=0.3).fit(split.train + 0.5)
    density = FlowMatching(field, dim=D, steps=2 if quick else 10)
    model = DequantisedEstimate(density, levels=LEVELS, transform=pixels)
    epochs, rate, batch = (1 if quick else 150), 2e-3, 50
    optimizer = AdamW(model.parameters(), lr=rate, weight_decay=0.1)
    schedule = OneCycleLR(
        optimizer, max_lr=rate, total_steps=epochs * (len(split.train) // batch), pct_start=0.1,
        cycle_momentum=False,
    )  # fmt: skip
    fit(
        model, split.train, epochs=epochs, batch_size=batch, optimizer=optimizer,
        schedule=schedule, ema=0.99, clip=10.0, generator=generator, progress=False,
    )  # fmt: skip
    return model


BOARD = DIGITS
ENTRIES = (Entry("flow matching, uniform noise", flow_matching, seeds=3),)
