"""Plug and play networks of the digits: codes drawn by Langevin; no density, so — for nats.

An autoencoder makes the codes, a denoising autoencoder of the codes their prior, and a logistic
classifier the condition. The label of each draw is drawn from the shares of the training labels.
"""

from functools import partial

import torch
from torch import Generator, Tensor, nn

from benchmarks.leaderboard.board import DIGITS, Entry
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, Split, load_labels
from coursepkg.models.chains.codes import PPGN, DenoisingAutoencoder
from coursepkg.models.chains.parts import logistic_classifier, standard_codes
from coursepkg.nets.mlp import MLP
from coursepkg.nets.residual import ResidualMLP

D, CODE, CLASSES = 64, 12, 10
BLUR = 0.3  # σ of the prior, in units of a standardised code


def trained(split: Split, generator: Generator, quick: bool, *, strength: float) -> PPGN:
    """Chosen on validation, one seed each, among codes of 8, 12 and 16 numbers, blurs 0.3 and 0.5.

    Args:
        split: digits; `valid` chooses the epochs.
        generator: of weights, orders and noise.
        quick: a moment's training.
        strength: γ, how much the condition counts.
    """
    epochs, steps = (8, 5) if quick else (100, 300)
    x, valid = (part / (LEVELS - 1) for part in (split.train, split.valid))
    encoder = MLP([D, 128, CODE], generator=generator)
    decoder = nn.Sequential(MLP([CODE, 128, 128, D], generator=generator), nn.Sigmoid())
    images = DenoisingAutoencoder(nn.Sequential(encoder, decoder), dim=D, sigma=0.1)
    one_cycle(images, x, valid=valid, epochs=epochs, batch_size=50, rate=3e-3, decay=0.1,
              generator=generator)  # fmt: skip
    there, back = standard_codes(encoder, decoder, x)
    net = ResidualMLP(CODE, CODE, hidden=128, blocks=1, dropout=0.1, generator=generator)
    prior = DenoisingAutoencoder(net, dim=CODE, sigma=BLUR)
    one_cycle(prior, there(x), valid=there(valid), epochs=epochs, batch_size=50, rate=3e-3,
              decay=0.1, generator=generator)  # fmt: skip
    classifier = logistic_classifier(x, load_labels().train[: len(x)])
    return PPGN(back, prior, classifier, step_size=0.02, strength=strength, steps=steps).eval()


def drawn(model: PPGN, n: int, generator: Generator) -> Tensor:
    """The nearest levels of n images, (n, D), of labels as the training images have them."""
    labels = load_labels().train
    y = labels[torch.randint(len(labels), (n,), generator=generator)]
    return ((LEVELS - 1) * model.sample(n, condition=y, generator=generator)).round()


BOARD = DIGITS
ENTRIES = tuple(
    Entry(f"PPGN, condition × {strength:.0f}", partial(trained, strength=strength), seeds=3,
          draw=drawn)
    for strength in (1.0, 4.0)
)  # fmt: skip
