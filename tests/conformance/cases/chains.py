"""Chains of denoisers, the denoisers themselves, and codes drawn by Langevin."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.models.chains import (
    GSN,
    PPGN,
    DenoisingAutoencoder,
    GaussianNoise,
    HideOne,
    JointDenoiser,
    Mask,
    PixelDenoiser,
    Redraw,
    WalkBack,
)
from coursepkg.models.chains.corruption import Corruption, PixelCorruption
from coursepkg.models.chains.gsn import Denoiser
from coursepkg.nets import MLP, LevelEmbedding
from tests.conformance.case import BAD_LEVELS, Case, D, K, levels, perturbed, plane
from tests.oracles import states


def net(outputs: int, generator: Generator) -> nn.Module:
    """Reads levels, of which one more says that it is missing."""
    made = nn.Sequential(
        LevelEmbedding(K + 1, K, generator=generator), nn.Flatten(),
        MLP([D * K, 8, outputs], generator=generator),
    )  # fmt: skip
    return perturbed(made, generator)


def joint(generator: Generator) -> JointDenoiser:
    return JointDenoiser(net(K**D, generator), dim=D, levels=K)


def pixels(generator: Generator) -> PixelDenoiser:
    return PixelDenoiser(net(D * K, generator), dim=D, corruption=Redraw(0.5, levels=K))


def masked(generator: Generator) -> GSN:
    corruption = Mask(0.5, levels=K)
    denoiser = PixelDenoiser(net(D * K, generator), dim=D, corruption=corruption)
    return GSN(denoiser, corruption, steps=3)


def autoencoder(generator: Generator) -> DenoisingAutoencoder:
    made = DenoisingAutoencoder(MLP([2, 8, 2], generator=generator), dim=2, sigma=0.5)
    return perturbed(made, generator)


def scaling(by: float, outputs: int, generator: Generator) -> MLP:
    """A linear map near a multiple of the identity."""
    made = MLP([2, outputs], generator=generator)
    with torch.no_grad():
        made.layers[0].weight.copy_(by * torch.eye(outputs, 2))
    return perturbed(made, generator, by=0.1)


def ppgn(generator: Generator) -> PPGN:
    denoiser = DenoisingAutoencoder(scaling(0.7, 2, generator), dim=2, sigma=0.7)
    return PPGN(
        scaling(2.0, 2, generator), denoiser, scaling(3.0, 3, generator), step_size=0.05,
        strength=2.0, steps=40,
    )  # fmt: skip


def noisy(n: int, generator: Generator) -> Tensor:
    return torch.randint(K + 1, (n, D), generator=generator)


def labels(n: int, generator: Generator) -> Tensor:
    return torch.randint(3, (n,), generator=generator)


CASES = [
    Case("JointDenoiser", joint, levels, space=states(K, D), refused=BAD_LEVELS, condition=noisy),
    Case("PixelDenoiser", pixels, levels, space=states(K, D), refused=BAD_LEVELS, condition=levels),
    Case("GSN-redraw", lambda g: GSN(joint(g), Redraw(0.5, levels=K), steps=3), levels),
    Case("GSN-mask", masked, levels),
    Case("WalkBack", lambda g: WalkBack(GSN(joint(g), Mask(0.5, levels=K), steps=3), steps=2),
         levels),
    Case("DenoisingAutoencoder", autoencoder, plane),
    Case("PPGN", ppgn, plane, condition=labels),
]  # fmt: skip

# Laws of x̃ given x: their log-probability is of a pair.
ELSEWHERE = {
    law: "tests/coursepkg/models/chains/test_corruption.py"
    for law in (Corruption, GaussianNoise, HideOne, Mask, PixelCorruption, Redraw, Denoiser)
}
