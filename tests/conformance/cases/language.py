"""Transformers as laws: over strings, over pixels, and the chains that they are compared with."""

import itertools

import torch
from torch import Generator, Tensor

from coursepkg.data.chains import RandomChains
from coursepkg.data.words import Copying, ModularAddition
from coursepkg.models.autoregressive.cached import CachedARM
from coursepkg.models.language.kneser_ney import KneserNey
from coursepkg.models.language.model import LanguageModel
from coursepkg.models.language.stream import NextSymbol
from coursepkg.nets.pixeltransformer import PixelTransformer
from coursepkg.nets.transformer import gpt
from tests.conformance.case import BAD_LEVELS, Case, D, K, discrete, levels, perturbed

END = K - 1
STRINGS = torch.tensor([
    [*word, *[END] * (D - len(word))]
    for n in range(D) for word in itertools.product(range(END), repeat=n)
])  # fmt: skip


def strings(n: int, generator: Generator) -> Tensor:
    return STRINGS[torch.randint(len(STRINGS), (n,), generator=generator)]


def language(generator: Generator) -> LanguageModel:
    net = gpt(symbols=K, context=D - 1, width=8, heads=2, depth=1, dropout=0.2,
              generator=generator)  # fmt: skip
    return perturbed(LanguageModel(net, symbols=K, length=D), generator, by=0.3)


def pixels(generator: Generator) -> CachedARM:
    net = PixelTransformer((2, 2), levels=K, width=8, heads=2, depth=1, dropout=0.2,
                           generator=generator)  # fmt: skip
    return perturbed(CachedARM(net, dim=D, levels=K), generator, by=0.3)


def chains(generator: Generator) -> RandomChains:
    a = 0.3 + torch.rand((), generator=generator).item()
    return RandomChains(dim=D, levels=K, concentration=a)


def next_symbol(generator: Generator) -> NextSymbol:
    net = gpt(symbols=K, context=D - 1, width=8, heads=2, depth=1, dropout=0.2,
              generator=generator)  # fmt: skip
    return perturbed(NextSymbol(net, symbols=K), generator, by=0.3)


BAD_STRINGS = [
    (torch.full((2, D + 1), END), "shape"),
    (torch.full((D,), END), "shape"),
    (torch.zeros(0, D, dtype=torch.int64), "at least one"),
    (torch.full((2, D), K), "levels"),
    (torch.full((2, D), -1), "levels"),
    (torch.zeros(2, D, dtype=torch.int64), "without an end"),
    (torch.tensor([[END, 0, END, END]]), "nothing after the end"),
    (torch.zeros(2, D), "integer"),
    ([[END] * D], "Tensor"),
]
CASES = [
    Case("LanguageModel", language, strings, space=STRINGS, refused=BAD_STRINGS),
    discrete("ARM-transformer", pixels),
    discrete("RandomChains", chains),
    Case("NextSymbol", next_symbol, levels, refused=BAD_LEVELS[1:]),
]

# Laws over strings, not over tensors: the contract holds in spirit, and is tested beside them.
ELSEWHERE = {
    Copying: "tests/coursepkg/data",
    ModularAddition: "tests/coursepkg/data",
    KneserNey: "tests/coursepkg/models/language",  # fits a text; its law is of the next symbol
}
