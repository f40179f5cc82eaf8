"""Restricted Boltzmann machines of the binarised digits, and what they have to beat.

The machine with 20 hidden units is small enough for its exact log Z (=); that of the larger one is
estimated by annealed importance sampling (≈). The competitors have no log Z at all.
"""

import torch
from torch import Generator, Tensor

from benchmarks.leaderboard.board import BINARISED, Entry, learned_inside
from coursepkg.data.digits import Split
from coursepkg.enumeration import Normalised
from coursepkg.models.autoregressive.binary import LogisticAutoregression, TreeAutoregression
from coursepkg.models.rbm.binary import RBM, marginal_rates
from coursepkg.models.rbm.learning import PersistentChains, gibbs, train
from coursepkg.models.rbm.paths import RBMPath
from coursepkg.samplers.annealed import annealed_importance
from coursepkg.samplers.weighting import Estimate

D = 64
TEMPERATURES, CHAINS = 2000, 500  # of the annealing that estimates log Z
SWEEPS = 1000  # of a chain that is drawn


def independent(split: Split, generator: Generator, quick: bool) -> LogisticAutoregression:
    """Each pixel by itself: what any model of how pixels go together has to beat."""
    model = LogisticAutoregression(dim=D)
    with torch.no_grad():
        model.b.copy_(marginal_rates(split.train).logit())
    return model


def logistic(split: Split, generator: Generator, quick: bool) -> LogisticAutoregression:
    """Strength chosen on validation among 0.3 to 10."""
    return LogisticAutoregression(dim=D, strength=3.0).fit(split.train)


def trees(split: Split, generator: Generator, quick: bool) -> TreeAutoregression:
    """Chosen on validation: leaves of 1 to 3 examples, a share of a fair coin of 0.2 to 5 %."""
    model = TreeAutoregression(
        dim=D, trees=2 if quick else 150, leaf=2, coin=0.005, generator=generator
    )
    return model.fit(split.train)


def rbm_20(split: Split, generator: Generator, quick: bool) -> Normalised:
    """20 hidden units, scored with the sum over their 2^20 states.

    Chosen on validation among first steps of 0.02 to 0.5, 100 to 1,000 epochs, batches of 10 to
    100, 100 to 500 chains, and weight decays up to 0.01, which did not help.
    """
    hidden, epochs = (5, 1) if quick else (20, 1000)
    return Normalised(_machine(split, hidden, epochs, step_size=0.2, generator=generator))


def rbm_50(split: Split, generator: Generator, quick: bool) -> RBM:
    """50 hidden units, with a little weight decay; chosen on validation as the smaller one was.

    Training for longer raises the likelihood of the training images only.
    """
    hidden, epochs = 50, 1 if quick else 300
    return _machine(split, hidden, epochs, step_size=0.5, decay=0.0006, generator=generator)


def log_z(rbm: RBM, split: Split, generator: Generator) -> Estimate:
    """log Z by annealed importance sampling, from independent pixels."""
    return annealed(rbm, marginal_rates(split.train), generator=generator)


def annealed(rbm: RBM, start: Tensor, *, generator: Generator) -> Estimate:
    """log Z by annealed importance sampling from independent units with these rates."""
    betas = torch.linspace(0, 1, TEMPERATURES + 1)
    found = annealed_importance(RBMPath(rbm, start), betas, chains=CHAINS, generator=generator)
    return Estimate(found.log_Z, found.error)


def chains(rbm: RBM, n: int, generator: Generator) -> Tensor:
    """Ends of n chains of block Gibbs, (n, D), from fair coins: for more states than can be summed.

    As long as those that a network of machines draws by.
    """
    coins = torch.full_like(rbm.b.expand(n, -1), 0.5)
    return gibbs(rbm, torch.bernoulli(coins, generator=generator), SWEEPS, generator=generator)


def _machine(
    split: Split, hidden: int, epochs: int, *, step_size: float, decay: float = 0.0,
    generator: Generator,
) -> RBM:  # fmt: skip
    """Persistent chains, centred gradients, steps that shrink to 0, averaged weights."""
    rbm = RBM(D, hidden, generator=generator)
    rbm.start_from(split.train)
    train(
        rbm, split.train, negative=PersistentChains(100), epochs=epochs, batch_size=50,
        step_size=step_size, last_step_size=0.0, average=0.99, decay=decay, generator=generator,
    )  # fmt: skip
    return rbm


BOARD = BINARISED
ENTRIES = (
    Entry("independent pixels", independent),
    Entry("logistic autoregressive", logistic),
    Entry("extra-trees autoregressive", trees, seeds=3),
    Entry("RBM, 20 hidden units, exact log Z", rbm_20, seeds=3, learned=learned_inside),
    Entry("RBM, 50 hidden units, log Z by AIS", rbm_50, seeds=3, log_z=log_z, chain=chains),
)
