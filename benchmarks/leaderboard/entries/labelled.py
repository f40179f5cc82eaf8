"""PixelCNNs told the digit, which is then summed out: a latent class that training knows.

p(x) = Σ_c p(x | c) / 10: the images that are scored come without their labels. Those of the
training images are something that the other families were not told.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from benchmarks.leaderboard.copies import TOLD, among_copies
from benchmarks.leaderboard.entries.arm import best_chain
from benchmarks.leaderboard.entries.pixelcnn import D
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, SHAPE, Split, load_labels
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.conditional import ConditionalARM, GivenNet
from coursepkg.models.autoregressive.orders import AveragedConditionals, Ensemble, Reordered
from coursepkg.nets.gated import GatedPixelCNN
from coursepkg.nets.pixelcnn import PixelCNN

CLASSES = 10
CONDITIONS = TOLD + CLASSES
Net = GatedPixelCNN | PixelCNN
ORIGINALS, COPIES = 48, 48  # how often the images are seen, and distorted copies of them


def gated(quick: bool, generator: Generator) -> Net:
    """Two gated stacks."""
    return GatedPixelCNN(
        SHAPE, levels=LEVELS, embedding=4, channels=8 if quick else 40, window=7, layers=3,
        conditions=CONDITIONS, dropout=0.2, generator=generator,
    )  # fmt: skip


def masked(quick: bool, generator: Generator) -> Net:
    """One masked stack."""
    return PixelCNN(
        SHAPE, levels=LEVELS, embedding=4, channels=8 if quick else 64, window=7, blocks=3,
        conditions=CONDITIONS, dropout=0.2, generator=generator,
    )  # fmt: skip


def untold(split: Split, generator: Generator, quick: bool) -> CachedARM:
    """The same recipe without the digit: what the labels are worth."""
    labels = torch.zeros(len(split.train), CLASSES)
    net = trained(gated(quick, generator), split, labels, generator=generator, quick=quick)
    return law([net], torch.zeros(CONDITIONS))


def summed_out(split: Split, generator: Generator, quick: bool) -> Ensemble:
    """One network."""
    net = trained(gated(quick, generator), split, digits(split), generator=generator, quick=quick)
    return Ensemble(by_digit([net]))


def over_scans(split: Split, generator: Generator, quick: bool) -> Ensemble:
    """A network of each kind in each of three directions of the raster."""
    members = list[Reordered]()
    for order in scans():  # an image in such an order is the image turned over
        seen = Split(*(part[:, order] for part in split))
        nets = [
            trained(kind(quick, generator), seen, digits(split), generator=generator, quick=quick)
            for kind in (gated, masked)
        ]
        members += [Reordered(model, order) for model in by_digit(nets)]
    return Ensemble(members)


def scans() -> list[Tensor]:
    """The raster in three of its directions: as it is, from the end, and mirrored."""
    raster = torch.arange(D).view(SHAPE)
    return [order.flatten() for order in (raster, raster.flip(0, 1), raster.flip(1))]


def trained(
    net: Net, split: Split, digit: Tensor, *, generator: Generator, quick: bool
) -> Net:  # fmt: skip
    """Trained on the images and on distorted copies, told how each was distorted, and its digit.

    As `pixelcnn.trained`, but no copy is seen twice, and half of what is seen are the images
    themselves. That share, dropout, decay and the bends were chosen on validation among fifteen
    trainings of one seed each.

    Args:
        net: not trained yet.
        split: its part `train` is learned from.
        digit: what is told of it beside its distortion, (N, 10).
        generator: of copies, order and dropout.
        quick: a moment of training.
    """
    net.start_from(best_chain(split, 0, tied=False).table[:, 0])
    originals, copies = (1, 1) if quick else (ORIGINALS, COPIES)
    x, how = among_copies(split.train, originals=originals, copies=copies, generator=generator)
    model = ConditionalARM(net, dim=D, levels=LEVELS, conditions=CONDITIONS)
    told = torch.cat([how, digit.repeat(originals + copies, 1)], dim=1)
    one_cycle(model, x, condition=told, valid=None, epochs=1, batch_size=50, rate=5e-3, decay=0.4,
              generator=generator)  # fmt: skip
    return net


def digits(split: Split) -> Tensor:
    """The digits that the training images show, one-hot (N, 10)."""
    return one_hot(load_labels().train[: len(split.train)], CLASSES).to(torch.get_default_dtype())


def by_digit(nets: Sequence[Net]) -> list[CachedARM]:
    """The law of each digit, not distorted: the networks' conditionals averaged."""
    return [law(nets, torch.cat([torch.zeros(TOLD), row])) for row in torch.eye(CLASSES)]


def law(nets: Sequence[Net], told: Tensor) -> CachedARM:
    """The law of images of which all networks are told the same, (35,)."""
    given = AveragedConditionals([GivenNet(net, told[None]) for net in nets])
    return CachedARM(given, dim=D, levels=LEVELS)


BOARD = DIGITS
ENTRIES = (
    Entry("gated PixelCNN, fresh copies", untold, learned=weights),
    Entry("gated PixelCNN, fresh copies, digit summed out", summed_out, learned=weights),
    Entry("6 PixelCNNs in 3 orders, digit summed out", over_scans, seeds=3, learned=weights),
)
