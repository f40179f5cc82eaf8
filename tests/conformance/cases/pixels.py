"""Products of conditionals by networks that know rows and columns, and by those that hear."""

from collections.abc import Callable

import torch
from torch import Generator

from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.nets.gated import GatedPixelCNN
from coursepkg.nets.pixelcnn import PixelCNN
from coursepkg.nets.recurrent import RasterGRU, RowLSTM
from coursepkg.nets.wavenet import WaveNet
from tests.conformance.case import BAD_LEVELS, Case, D, K, discrete, levels, perturbed
from tests.conformance.cases.nade import labels
from tests.oracles import states


def arm(net: Callable[[Generator], torch.nn.Module]) -> Callable[[Generator], CachedARM]:
    def make(generator: Generator) -> CachedARM:
        return perturbed(CachedARM(net(generator), dim=D, levels=K), generator)

    return make


def gru(generator: Generator) -> RasterGRU:
    return RasterGRU(dim=D, levels=K, embedding=3, hidden=5, dropout=0.2, generator=generator)


def row(generator: Generator) -> RowLSTM:
    return RowLSTM((2, 2), levels=K, embedding=3, hidden=5, dropout=0.2, generator=generator)


def pixelcnn(generator: Generator) -> PixelCNN:
    return PixelCNN((2, 2), levels=K, embedding=3, channels=5, window=3, blocks=1, dropout=0.2,
                    generator=generator)  # fmt: skip


def gated(generator: Generator) -> GatedPixelCNN:
    return GatedPixelCNN((2, 2), levels=K, embedding=3, channels=4, window=3, layers=1,
                         dropout=0.2, generator=generator)  # fmt: skip


def gated_by_class(generator: Generator) -> ConditionalARM:
    net = GatedPixelCNN((2, 2), levels=K, embedding=3, channels=4, window=3, layers=1,
                        conditions=3, generator=generator)  # fmt: skip
    for layer in net.layers:
        layer.given.weight.data.mul_(4)
    return perturbed(ConditionalARM(net, dim=D, levels=K, conditions=3), generator)


def wavenet(generator: Generator) -> WaveNet:
    return WaveNet(levels=K, channels=5, dilations=[1, 2], generator=generator)


def wavenet_by_class(generator: Generator) -> ConditionalARM:
    net = WaveNet(levels=K, channels=5, dilations=[1, 2], conditions=3, generator=generator)
    for layer in net.layers:
        layer.given.weight.data.mul_(4)
    return perturbed(ConditionalARM(net, dim=D, levels=K, conditions=3), generator)


CASES = [
    discrete("ARM-raster-GRU", arm(gru)),
    discrete("ARM-row-LSTM", arm(row)),
    discrete("PixelCNN", arm(pixelcnn)),
    discrete("PixelCNN-gated", arm(gated)),
    discrete("WaveNet", arm(wavenet)),
    Case("PixelCNN-by-class", gated_by_class, levels, space=states(K, D), refused=BAD_LEVELS,
         condition=labels),
    Case("WaveNet-by-class", wavenet_by_class, levels, space=states(K, D), refused=BAD_LEVELS,
         condition=labels),
]  # fmt: skip
