"""Variational autoencoders of levels, bits and real numbers, and the losses around them."""

from torch import Generator

from coursepkg.evaluation import ImportanceBound
from coursepkg.models.autoencoders import (
    VAE,
    Categories,
    Coins,
    FreeBits,
    HierarchicalVAE,
    ImportanceLoss,
    RateWeighted,
    WarmUp,
)
from coursepkg.nets import MLP, ResidualMLP
from tests.conformance.case import Case, D, K, binary, discrete, levels, perturbed


def vae(generator: Generator) -> VAE:
    encoder = MLP([D, 8, 4], generator=generator)
    decoder = MLP([2, 8, D * K], generator=generator)
    model = VAE(encoder, decoder, likelihood=Categories(D, K), latent=2)
    return perturbed(model, generator, by=0.2)


def of_bits(generator: Generator) -> VAE:
    encoder, decoder = MLP([D, 8, 4], generator=generator), MLP([2, 8, D], generator=generator)
    return perturbed(VAE(encoder, decoder, likelihood=Coins(D), latent=2), generator, by=0.2)


def hierarchy(generator: Generator) -> HierarchicalVAE:
    def net(inputs: int, outputs: int) -> ResidualMLP:
        return ResidualMLP(inputs, outputs, hidden=8, blocks=1, generator=generator)

    model = HierarchicalVAE(
        [net(D, 2), net(D + 1, 4)], [net(1, 4)], net(2, D * K), likelihood=Categories(D, K),
        latents=(1, 2),
    )  # fmt: skip
    return perturbed(model, generator, by=0.15)


CASES = [
    discrete("VAE", vae),
    binary("VAE-bits", of_bits),
    discrete("HierarchicalVAE", hierarchy),
    discrete("ImportanceBound-VAE", lambda g: ImportanceBound(vae(g), 3)),
    Case("RateWeighted", lambda g: RateWeighted(vae(g), 0.5), levels),
    Case("FreeBits", lambda g: FreeBits(vae(g), 0.01), levels),
    Case("ImportanceLoss", lambda g: ImportanceLoss(vae(g), 3), levels),
]

# Its loss counts its own steps: the same input twice is another price.
ELSEWHERE: dict[type, str] = {WarmUp: "tests/coursepkg/models/autoencoders/test_losses.py"}
