"""Autoencoders that are told something, or whose pixels wait, or whose codes are whole numbers."""

import torch
from torch import Generator

from coursepkg.models.autoencoders.conditional import ConditionalVAE
from coursepkg.models.autoencoders.likelihoods import Categories
from coursepkg.models.autoencoders.pixelvae import CausalPixels
from coursepkg.models.autoencoders.semisupervised import M2, SemiSupervised
from coursepkg.models.autoencoders.vq import VQVAE, VQAutoencoder
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.conditional import ConditionalARM
from coursepkg.nets import MLP, CausalCNN, GatedPixelCNN
from tests.conformance.case import BAD_LEVELS, Case, D, K, discrete, levels, perturbed
from tests.conformance.cases.nade import labels
from tests.oracles import states

C = 3


def conditional(generator: Generator) -> ConditionalVAE:
    return loud(quiet(generator), generator)


def quiet(generator: Generator) -> ConditionalVAE:
    nets = MLP([D + C, 8, 4], generator=generator), MLP([2 + C, 8, D * K], generator=generator)
    return ConditionalVAE(*nets, likelihood=Categories(D, K), latent=2, conditions=C)


def loud(model: ConditionalVAE, generator: Generator) -> ConditionalVAE:
    """The condition is heard more than z."""
    model.decoder.layers[0].weight.data *= torch.tensor([0.5, 0.5, 4.0, 4.0, 4.0])
    model.decoder.layers[-1].weight.data *= 3
    return perturbed(model, generator, by=0.1)


def pixelvae(generator: Generator) -> ConditionalVAE:
    net = GatedPixelCNN((2, 2), levels=K, embedding=3, channels=4, window=3, layers=1,
                        conditions=2, generator=generator)  # fmt: skip
    pixels = CausalPixels(ConditionalARM(net, dim=D, levels=K, conditions=2))
    nets = MLP([D + C, 8, 4], generator=generator), MLP([2 + C, 8, 2], generator=generator)
    for layer in net.layers:
        layer.given.weight.data.mul_(4)
    perturbed(net, generator)
    model = ConditionalVAE(*nets, likelihood=pixels, latent=2, conditions=C)
    return loud(model, generator)


def m2(generator: Generator) -> M2:
    model = M2(quiet(generator), MLP([D, 6, C], generator=generator))
    return perturbed(model, generator, by=0.2)


def autoencoder(generator: Generator) -> VQAutoencoder:
    nets = MLP([D, 8, 4], generator=generator), MLP([4, 8, D * K], generator=generator)
    model = VQAutoencoder(*nets, likelihood=Categories(D, K), codes=2, codebook=4, width=2,
                          generator=generator)  # fmt: skip
    return perturbed(model, generator, by=0.3)


def vqvae(generator: Generator) -> VQVAE:
    net = CausalCNN(dim=2, levels=4, embedding=2, channels=4, window=2, blocks=[], dropout=0.0,
                    generator=generator)  # fmt: skip
    prior = perturbed(ARM(net, dim=2, levels=4), generator, by=0.2)
    return VQVAE(autoencoder(generator), prior)


def own_codes(model: VQVAE) -> float:
    """What the bound of all images sums to: the other codes' share is missing."""
    return float(model.elbo(states(K, D), generator=Generator()).detach().exp().sum())


CASES = [
    Case("ConditionalVAE", conditional, levels, space=states(K, D), refused=BAD_LEVELS,
         condition=labels),
    Case("PixelVAE", pixelvae, levels, space=states(K, D), refused=BAD_LEVELS, condition=labels),
    discrete("M2", m2),
    Case("VQAutoencoder", autoencoder, levels),
    Case("VQVAE", vqvae, levels, space=states(K, D), refused=BAD_LEVELS, mass=own_codes),
]  # fmt: skip

# Its condition are labels, some of which may be absent; it says nothing about x.
ELSEWHERE: dict[type, str] = {
    SemiSupervised: "tests/coursepkg/models/autoencoders/test_semisupervised.py",
}
