"""Variational autoencoders of the digits: bounds with one weight and with 512."""

import torch
from torch import Generator, nn

from benchmarks.leaderboard.board import DIGITS, Entry, weights
from benchmarks.leaderboard.entries.arm import best_chain
from benchmarks.leaderboard.entries.pixelcnn import TOLD, distorted
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, Split
from coursepkg.evaluation import Given, ImportanceBound
from coursepkg.models.autoencoders.conditional import ConditionalVAE
from coursepkg.models.autoencoders.likelihoods import Categories
from coursepkg.models.autoencoders.losses import RateWeighted
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.nets.head import LevelHead
from coursepkg.nets.residual import ResidualMLP

D, CHANNELS, LATENT = 64, 8, 16
FREE = 16.0  # nats of rate that cost nothing in training


def plain(
    split: Split, *, latent: int, beta: float = 1.0, epochs: int, generator: Generator
) -> VAE:
    """The VAE of the chapter: two perceptrons, trained on the images as they are.

    Args:
        split: digits; `valid` chooses the epoch.
        latent: number M of latent variables.
        beta: price of a nat of rate in the loss.
        epochs: passes over the training images.
        generator: of weights, order, dropout and z.
    """
    encoder = perceptron(D, 2 * latent, hidden=128, generator=generator)
    decoder = decoder_of(latent, split, hidden=128, generator=generator)
    model = VAE(encoder, decoder, likelihood=Categories(D, LEVELS), latent=latent)
    one_cycle(
        RateWeighted(model, beta), split.train, valid=split.valid, epochs=epochs, batch_size=50,
        rate=3e-3, decay=0.5, clip=100.0, generator=generator,
    )  # fmt: skip
    return model.eval()


def told(split: Split, generator: Generator, quick: bool) -> Given:
    """Trained on distorted copies too, and told how each was distorted: see `pixelcnn.trained`.

    Chosen on validation, one seed each, among 10 and 20 epochs, 256 and 384 hidden units, 16 and 32
    latent variables, dropout 0.1 to 0.3 (0.4 in the encoder), logits from 6 or 8 numbers a pixel or
    one a level, with and without free nats.
    """
    hidden, copies, epochs = (16, 1, 1) if quick else (256, 10, 20)
    encoder = perceptron(D + TOLD, 2 * LATENT, hidden=hidden, generator=generator)
    decoder = decoder_of(LATENT + TOLD, split, hidden=hidden, generator=generator)
    model = ConditionalVAE(encoder, decoder, likelihood=Categories(D, LEVELS), latent=LATENT,
                           conditions=TOLD, free=FREE)  # fmt: skip
    parts = [(split.train, torch.zeros(len(split.train), TOLD))]
    parts += [distorted(split.train, 0.12, generator) for _ in range(copies)]
    x, maps = map(torch.cat, zip(*parts, strict=True))
    one_cycle(
        model, x, condition=maps, valid=split.valid,
        valid_condition=maps.new_zeros(len(split.valid), TOLD), epochs=epochs, batch_size=50,
        rate=3e-3, decay=0.5, clip=100.0, generator=generator,
    )  # fmt: skip
    return Given(model, maps.new_zeros(TOLD))


def many_weights(model: Given, quick: bool) -> ImportanceBound:
    """The same model, scored by 512 importance weights."""
    return ImportanceBound(model, 2 if quick else 512)


def perceptron(inputs: int, outputs: int, *, hidden: int, generator: Generator) -> ResidualMLP:
    """One residual block with dropout, whose output starts at 0."""
    return ResidualMLP(inputs, outputs, hidden=hidden, blocks=1, dropout=0.2, generator=generator)


def decoder_of(inputs: int, split: Split, *, hidden: int, generator: Generator) -> nn.Sequential:
    """Starts as independent pixels, whatever z is."""
    head = LevelHead(dim=D, levels=LEVELS, channels=CHANNELS)
    head.start_from(best_chain(split, 0, tied=False).table[:, 0])
    return nn.Sequential(perceptron(inputs, D * CHANNELS, hidden=hidden, generator=generator), head)


BOARD = DIGITS
ENTRIES = (
    Entry("VAE, one weight", told, seeds=1, learned=weights, draws=32),
    Entry("VAE, 512 weights", told, seeds=3, look=many_weights, learned=weights, draws=2),
)
