"""Gaussian diffusion of the digits: bounds in continuous time and of 1,000 steps."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor, nn

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from benchmarks.leaderboard.copies import TOLD, among_copies
from benchmarks.leaderboard.entries.arm import best_chain
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, SHAPE, Split
from coursepkg.evaluation import Given
from coursepkg.models.diffusion import (
    ConditionalDiffusion,
    ContinuousDiffusion,
    Diffusion,
    LevelDenoiser,
    LogisticSchedule,
    Reweighted,
    Schedule,
    Unheeding,
)
from coursepkg.nets import LevelHead, UNet

D, CHANNELS, APART = 64, 8, 10
BOUND = LogisticSchedule(most=11.0, least=-9.0, centre=3.3, scale=1.7)  # evens the integrand out
LEARN = LogisticSchedule(most=11.0, least=-9.0, centre=2.5, scale=1.5)  # looks more at much noise


class LevelNet(nn.Module):
    """A U-Net of z and of what independent pixels make of it; starts at independence.

    Its numbers a pixel are read as curves over the levels.
    """

    def __init__(self, split: Split, *, hidden: int, dropout: float, generator: Generator) -> None:
        super().__init__()
        log_p = best_chain(split, 0, tied=False).table[:, 0]
        alone = LevelDenoiser(Unheeding(log_p.flatten()), dim=D, levels=LEVELS)
        self.alone = alone.requires_grad_(False)
        self.net = UNet((2, *SHAPE), CHANNELS, hidden=hidden, conditions=TOLD, dropout=dropout,
                        generator=generator)  # fmt: skip
        self.head = LevelHead(dim=D, levels=LEVELS, channels=CHANNELS)
        self.head.start_from(log_p)

    def forward(self, z: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps z (B, 64), log-SNRs (B,) and what is told (B, 7) to logits (B, 64 · 17)."""
        guess = self.alone.mean(self.alone(z, log_snr))
        logits: Tensor = self.head(self.net(torch.cat([z, guess], dim=1), log_snr, condition))
        return logits


def continuous(
    net: nn.Module, *, schedule: Schedule = BOUND, looks: int = 50
) -> ContinuousDiffusion:
    """Infinitely many steps: a bound takes `looks`, and a draw a hundred steps."""
    denoiser = LevelDenoiser(net, dim=D, levels=LEVELS)
    return ContinuousDiffusion(denoiser, schedule, points=looks, steps=100)


def learning(net: nn.Module) -> Reweighted:
    """Trains by the integral alone: its ends cost a call of the network, and move no weight."""
    return Reweighted(continuous(net, schedule=LEARN), torch.ones_like)


class Glanced(Diffusion):
    """The bound of all T steps, by a look at one of every ten.

    The first is looked at always, and each look at another counts for ten: no bias.
    """

    def elbo(self, x: Tensor, *, generator: Generator) -> Tensor:
        """An estimate of the bound, (B, D) -> (B,), nats: T / 10 calls of the network."""
        total = self.prior_kl(x) + self.term(x, torch.ones(len(x)).long(), generator=generator)
        for start in range(2, self.chain.T + 1, APART):
            size = min(APART, self.chain.T + 1 - start)
            t = start + torch.randint(size, (len(x),), generator=generator)
            total = total + size * self.term(x, t, generator=generator)
        return -total


def stepwise(net: nn.Module, *, steps: int = 1000) -> Diffusion:
    """So many steps between the same ends."""
    model = continuous(net)
    return Glanced(model.denoiser, model.chain(steps))


def trained(split: Split, generator: Generator, quick: bool) -> LevelNet:
    """Trained on the images and on distorted copies, told how each was distorted.

    No copy is seen twice. With 27 originals and 270 copies under affine maps alone, 81.5 nats on
    validation, the best of ten trainings, one seed each: 82.9 with 48 channels and three quarters
    of the images, 83.8 with 32 channels; perceptrons were worse. Half originals as `labelled`.
    """
    hidden, originals, copies = (4, 1, 1) if quick else (64, 100, 100)
    net = LevelNet(split, hidden=hidden, dropout=0.2, generator=generator)
    x, told = among_copies(split.train, originals=originals, copies=copies, generator=generator)
    model = ConditionalDiffusion(net, learning, conditions=TOLD)
    one_cycle(
        model, x, condition=told, valid=None, epochs=1, batch_size=100, rate=3.5e-3, decay=0.5,
        clip=100.0, generator=generator,
    )  # fmt: skip
    return net


def infinite(net: LevelNet, quick: bool) -> Given:
    """The bound in continuous time."""
    return given(net, partial(continuous, looks=2 if quick else 50))


def thousand(net: LevelNet, quick: bool) -> Given:
    """The bound of the same network's 1,000 steps."""
    return given(net, partial(stepwise, steps=3 if quick else 1000))


def drawn(model: Given, n: int, generator: Generator) -> Tensor:
    """In a hundred steps in place of a thousand, which would take longer than the training."""
    return given(model.model.net, continuous).sample(n, generator=generator)


def given(net: LevelNet, around: Callable[[nn.Module], Any]) -> Given:
    """The law of the images: what the network is told of them is that nothing was distorted."""
    return Given(ConditionalDiffusion(net, around, conditions=TOLD), torch.zeros(TOLD))


BOARD = DIGITS
ENTRIES = (
    Entry("diffusion, continuous time", trained, seeds=3, look=infinite, learned=weights, draws=2),
    Entry("diffusion, 1,000 steps", trained, look=thousand, learned=weights, draws=2, chain=drawn),
)
