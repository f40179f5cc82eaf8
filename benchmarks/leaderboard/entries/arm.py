"""Autoregressive models of the digits, from the uniform law to the causal convolution."""

from collections.abc import Sequence

from torch import Generator, nn

from benchmarks.leaderboard.board import DIGITS, Entry
from benchmarks.recipe import one_cycle
from coursepkg.data.digits import LEVELS, Split
from coursepkg.evaluation import nats
from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.nets.conv import CausalCNN
from coursepkg.nets.mlp import WindowMLP

D = 64
SMOOTHINGS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def uniform(split: Split, generator: Generator, quick: bool) -> MarkovChain:
    """Every image alike: 64 log 17 nats."""
    return MarkovChain(0, dim=D, levels=LEVELS, smoothing=1)


def pooled_histogram(split: Split, generator: Generator, quick: bool) -> MarkovChain:
    """One histogram for all pixels."""
    return best_chain(split, 0, tied=True)


def independent(split: Split, generator: Generator, quick: bool) -> MarkovChain:
    """One histogram a pixel."""
    return best_chain(split, 0, tied=False)


def markov_1(split: Split, generator: Generator, quick: bool) -> MarkovChain:
    """Each pixel given the one before, one table for all."""
    return best_chain(split, 1, tied=True)


def markov_2(split: Split, generator: Generator, quick: bool) -> MarkovChain:
    """Each pixel given the two before, one table for all."""
    return best_chain(split, 2, tied=True)


def markov_1_placed(split: Split, generator: Generator, quick: bool) -> MarkovChain:
    """Each pixel given the one before, one table a pixel."""
    return best_chain(split, 1, tied=False)


def window_mlp(split: Split, generator: Generator, quick: bool) -> ARM:
    """The lecture's perceptron over the last two rows, the same for all pixels."""
    net = WindowMLP(16, 128, LEVELS, generator=generator)
    return _train(net, split, epochs=1 if quick else 30, decay=0.01, generator=generator)


def causal_cnn(split: Split, generator: Generator, quick: bool) -> ARM:
    """The causal convolution, started from independent pixels.

    Chosen on validation among windows 18 and 27, 1 to 3 blocks, 64 to 128 channels, dropout 0.3 to
    0.5, weight decay 0.01 to 1.5, and small affine distortions of the images, which did not help.
    """
    net = CausalCNN(
        dim=D, levels=LEVELS, embedding=4, channels=128, window=18, blocks=(1,), dropout=0.4,
        generator=generator,
    )  # fmt: skip
    net.start_from(best_chain(split, 0, tied=False).table[:, 0])
    return _train(net, split, epochs=1 if quick else 45, decay=1.5, generator=generator)


def best_chain(split: Split, order: int, *, tied: bool) -> MarkovChain:
    """The chain whose smoothing has the lowest validation score."""
    chains: Sequence[MarkovChain] = [
        MarkovChain(order, dim=D, levels=LEVELS, tied=tied, smoothing=a).fit(split.train)
        for a in SMOOTHINGS
    ]
    return min(chains, key=lambda chain: nats(chain, split.valid).value)


def _train(net: nn.Module, split: Split, *, epochs: int, decay: float, generator: Generator) -> ARM:
    """By the recipe of `one_cycle`."""
    model = ARM(net, dim=D, levels=LEVELS)
    one_cycle(
        model, split.train, valid=split.valid, epochs=epochs, batch_size=50, rate=3e-3, decay=decay,
        generator=generator,
    )  # fmt: skip
    return model


BOARD = DIGITS
ENTRIES = (
    Entry("uniform", uniform),
    Entry("pooled histogram", pooled_histogram),
    Entry("independent categorical", independent),
    Entry("Markov chain, order 1", markov_1),
    Entry("Markov chain, order 2", markov_2),
    Entry("Markov chain, order 1, a table per pixel", markov_1_placed),
    Entry("window perceptron", window_mlp, seeds=3),
    Entry("causal convolution", causal_cnn, seeds=3),
)
