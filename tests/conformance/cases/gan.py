"""Adversarial networks: of points in the plane, without and with labels, and of small images."""

import torch
from torch import Generator, Tensor

from coursepkg.models.gan import (
    GAN,
    BatchNormMLP,
    ConditionalGAN,
    ImageCritic,
    ImageMaker,
    Labelled,
    Minimax,
    NonSaturating,
    R1Penalty,
    R2Penalty,
    UnitSlope,
)
from coursepkg.nets import MLP
from tests.conformance.case import Case, perturbed, plane


def gan(generator: Generator) -> GAN:
    net = BatchNormMLP([3, 8, 2], generator=generator)
    critic = MLP([2, 8, 1], generator=generator)
    model = GAN(net, critic, latent=3, event=(2,), objective=Minimax(), penalties=[UnitSlope()])
    return perturbed(model, generator)


def conditional(generator: Generator) -> ConditionalGAN:
    net = Labelled(MLP([3 + 3, 8, 2], generator=generator), classes=3)
    critic = Labelled(MLP([2 + 3, 8, 1], generator=generator), classes=3)
    model = ConditionalGAN(net, critic, classes=3, latent=3, event=(2,),
                           objective=NonSaturating(), penalties=[R1Penalty(0.1)])  # fmt: skip
    return perturbed(model, generator)


def images(generator: Generator) -> ConditionalGAN:
    net = ImageMaker(latent=3, side=4, classes=3, hidden=4, generator=generator)
    critic = ImageCritic(side=4, classes=3, hidden=2, generator=generator)
    model = ConditionalGAN(
        net, critic, classes=3, latent=3, event=(16,), objective=NonSaturating(0.9),
        penalties=[R1Penalty(0.1), R2Penalty(0.1)],
    )  # fmt: skip
    return perturbed(model, generator, by=0.3)


def labels(n: int, generator: Generator) -> Tensor:
    return torch.randint(3, (n,), generator=generator)


def pixels(n: int, generator: Generator) -> Tensor:
    return 2 * torch.rand(n, 16, generator=generator) - 1


CASES = [
    Case("GAN", gan, plane),
    Case("ConditionalGAN", conditional, plane, condition=labels),
    Case("ConditionalGAN-images", images, pixels, condition=labels),
]
