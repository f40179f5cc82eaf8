"""Diffusion of symbols: any order, and steps of noise that scrambles or hides."""

import torch
from torch import Generator

from coursepkg.models.masked import (
    AnyOrder,
    DiscreteDiffusion,
    SymbolNoise,
    masked_rest,
    uniform_rest,
)
from coursepkg.nets import SymbolMLP
from tests.conformance.case import D, K, discrete, perturbed


def net(generator: Generator) -> SymbolMLP:
    return perturbed(
        SymbolMLP(D, levels=K, hidden=8, blocks=1, generator=generator), generator, by=0.3
    )


def in_steps(generator: Generator, rest, alpha_bar: list[float]) -> DiscreteDiffusion:
    noise = SymbolNoise(torch.tensor(alpha_bar), rest(K))
    return DiscreteDiffusion(net(generator), noise, dim=D, levels=K)


CASES = [
    discrete("AnyOrder", lambda g: AnyOrder(net(g), dim=D, levels=K)),
    discrete("AnyOrder-two-at-once", lambda g: AnyOrder(net(g), dim=D, levels=K, counts=(2, 2))),
    discrete("DiscreteDiffusion-uniform", lambda g: in_steps(g, uniform_rest, [0.7, 0.4, 0.0])),
    discrete("DiscreteDiffusion-masked", lambda g: in_steps(g, masked_rest, [0.7, 0.4, 0.0])),
]
