"""Adversarial networks of the digits: no density, so that the board prints — and measures samples.

Beside them the training images themselves: what a model that learned them by heart would score.
Most measures like it; `nearest` does not.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import leaky_relu
from torch.optim import Adam

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from coursepkg.data.digits import LEVELS, Split, load_labels
from coursepkg.models.gan.adversarial import GAN, ConditionalGAN
from coursepkg.models.gan.losses import AdversarialLoss, NonSaturating, Relativistic
from coursepkg.models.gan.networks import BatchNormMLP, Labelled, nearest_levels, signed_pixels
from coursepkg.models.gan.penalties import Penalty, R1Penalty, R2Penalty
from coursepkg.nets.mlp import MLP
from coursepkg.training import fit_adversarial

D, CLASSES = 64, 10
PLAIN_LOSS = NonSaturating()
Model = GAN | ConditionalGAN


@dataclass(frozen=True)
class Recipe:
    """How the pair is built and trained; the default is the plain one, with no trick but [-1, 1].

    Args:
        objective: what the players want.
        penalties: what the critic pays for its slope.
        signed: pixels from -1 to 1 and tanh at the generator's end; otherwise from 0 to 1, and σ.
        labels: both players are told the digit.
        normalised: batch normalisation in the generator.
        critic_steps: for each step of the generator.
        rate: of both players.
        betas: Adam's.
        ema: decay of the average of the weights, or None.
        latent: dimensions of z.
        hidden: units in each of two layers.
        epochs: passes over the images.
    """

    objective: AdversarialLoss = PLAIN_LOSS
    penalties: tuple[Penalty, ...] = ()
    signed: bool = True
    labels: bool = False
    normalised: bool = False
    critic_steps: int = 1
    rate: float = 1e-3
    betas: tuple[float, float] = (0.5, 0.99)
    ema: float | None = None
    latent: int = 16
    hidden: int = 128
    epochs: int = 60


MODERN = Recipe(
    Relativistic(), (R1Penalty(1.0), R2Penalty(1.0)), labels=True, betas=(0.0, 0.99), ema=0.99,
    epochs=125,
)  # fmt: skip


class Unit(nn.Module):
    """A net's outputs on the scale from 0 to 1.

    Args:
        net: whose outputs become pixels.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor, *given: Tensor) -> Tensor:
        """σ of what the net returns."""
        return torch.sigmoid(self.net(z, *given))


class Signed(Unit):
    """The scale from -1 to 1."""

    def forward(self, z: Tensor, *given: Tensor) -> Tensor:
        """The hyperbolic tangent of what the net returns."""
        return torch.tanh(self.net(z, *given))


def players(recipe: Recipe, *, generator: Generator) -> Model:
    """Two perceptrons of two hidden layers."""
    told, M, H = CLASSES * recipe.labels, recipe.latent, recipe.hidden
    widths, kind = [M + told, H, H, D], BatchNormMLP if recipe.normalised else MLP
    net: nn.Module = kind(widths, activation=leaky_relu, generator=generator)
    critic: nn.Module = MLP([D + told, H, H, 1], activation=leaky_relu, generator=generator)
    if recipe.labels:
        net, critic = Labelled(net, classes=CLASSES), Labelled(critic, classes=CLASSES)
    make: Callable[..., Model] = partial(ConditionalGAN, classes=CLASSES) if recipe.labels else GAN
    scale = Signed if recipe.signed else Unit
    return make(scale(net), critic, latent=M, event=(D,), objective=recipe.objective,
                penalties=recipe.penalties)  # fmt: skip


def trained(recipe: Recipe, split: Split, *, generator: Generator, monitor: Any = None) -> Model:
    """The pair, trained on the training images and, if it takes them, their labels."""
    model = players(recipe, generator=generator)
    x, c = pixels(recipe, split.train), load_labels().train[: len(split.train)]
    fit_adversarial(
        model, x, condition=c if recipe.labels else None,
        critic_optimizer=Adam(model.critic.parameters(), recipe.rate, recipe.betas),
        generator_optimizer=Adam(model.net.parameters(), recipe.rate, recipe.betas),
        critic_steps=recipe.critic_steps, epochs=recipe.epochs, batch_size=64, ema=recipe.ema,
        monitor=monitor, generator=generator, progress=False,
    )  # fmt: skip
    return model.eval()


def pixels(recipe: Recipe, x: Tensor) -> Tensor:
    """Levels on the players' scale, (N, 64)."""
    signed = signed_pixels(x, levels=LEVELS)
    return signed if recipe.signed else (signed + 1) / 2


def levels(model: Model, n: int, generator: Generator) -> Tensor:
    """Draws as levels, (n, 64) int64; of a random digit each, if the model must be told one."""
    if isinstance(model, ConditionalGAN):
        c = torch.randint(CLASSES, (n,), generator=generator)
        x = model.sample(n, condition=c, generator=generator)
    else:
        x = model.sample(n, generator=generator)
    return nearest_levels(x if isinstance(model.net, Signed) else 2 * x - 1, levels=LEVELS)


def modern(split: Split, generator: Generator, quick: bool) -> Model:
    """Relativistic, told the digit, with both gradient penalties and averaged weights.

    Chosen on validation, one seed each, among prices 0.3 and 1, averages over some 100 and 1,000
    steps, with labels and without.
    """
    return trained(replace(MODERN, epochs=1) if quick else MODERN, split, generator=generator)


def of_net(model: Model) -> int:
    """Weights of the generator, which is all that draws need."""
    return weights(model.net)


def memory(split: Split, generator: Generator, quick: bool) -> Tensor:
    """The training images."""
    return split.train


def recalled(images: Tensor, n: int, generator: Generator) -> Tensor:
    """Any n of them, none twice."""
    return images[torch.randperm(len(images), generator=generator)[:n]]


BOARD = DIGITS
ENTRIES = (
    Entry(
        "GAN, relativistic, both penalties, by class", modern, seeds=5, learned=of_net, draw=levels
    ),
    Entry("the training images", memory, learned=Tensor.numel, draw=recalled),
)
