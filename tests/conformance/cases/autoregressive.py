"""Products of conditionals."""

from collections.abc import Callable

import torch
from torch import Generator

from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.binary import LogisticAutoregression, TreeAutoregression
from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.nets.conv import CausalCNN
from coursepkg.nets.mlp import WindowMLP
from tests.conformance.case import D, K, binary, bits, discrete, levels, perturbed


def window_arm(generator: Generator) -> ARM:
    return perturbed(ARM(WindowMLP(2, 8, K, generator=generator), dim=D, levels=K), generator)


def convolution_arm(generator: Generator) -> ARM:
    net = CausalCNN(dim=D, levels=K, embedding=2, channels=5, window=3, blocks=[2], dropout=0.2,
                    generator=generator)  # fmt: skip
    return perturbed(ARM(net, dim=D, levels=K), generator)


def fitted_chain(order: int, *, tied: bool) -> Callable[[Generator], MarkovChain]:
    def make(generator: Generator) -> MarkovChain:
        chain = MarkovChain(order, dim=D, levels=K, tied=tied, smoothing=0.5)
        return chain.fit(levels(30, generator) // 2 * 2)  # level 1 is rare, so p is not uniform

    return make


def logistic_autoregression(generator: Generator) -> torch.nn.Module:
    return perturbed(LogisticAutoregression(dim=D, strength=0.1), generator)


def tree_autoregression(generator: Generator) -> TreeAutoregression:
    model = TreeAutoregression(dim=D, trees=5, coin=0.2, generator=generator)
    return model.fit(bits(30, generator))


CASES = [
    binary("LogisticAutoregression", logistic_autoregression),
    binary("TreeAutoregression", tree_autoregression),
    discrete("ARM-window", window_arm),
    discrete("ARM-convolution", convolution_arm),
    discrete("MarkovChain-order0", fitted_chain(0, tied=False)),
    discrete("MarkovChain-order2", fitted_chain(2, tied=True)),
]  # fmt: skip
