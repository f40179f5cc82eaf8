"""Deep belief networks and a deep Boltzmann machine of the binarised digits.

A network's likelihood needs the log Z of its top machine only. With 20 units up there it is exact,
and the score is a bound (≤); otherwise annealed importance sampling estimates it (≈). Chosen on
validation: 50 to 200 units in h¹, first steps of 0.05 to 0.5, weight decay 0 or 0.001, a top that
starts upside down or at random; for the Boltzmann machine 0, 50 or 100 epochs of pretraining.
"""

from torch import Generator, Tensor

from benchmarks.leaderboard.board import BINARISED, Entry, learned_inside
from benchmarks.leaderboard.entries.rbm import annealed, chains, log_z
from coursepkg.data.digits import Split
from coursepkg.enumeration import NormalisedBound
from coursepkg.evaluation import ImportanceBound
from coursepkg.models.boltzmann import dbm
from coursepkg.models.boltzmann.dbm import DBM
from coursepkg.models.boltzmann.dbn import DBN, transposed
from coursepkg.models.rbm.binary import RBM, marginal_rates
from coursepkg.models.rbm.learning import PersistentChains, train
from coursepkg.samplers.weighting import Estimate

D = 64
SAMPLES = 10  # importance weights in a bound
COPIES = 10  # of each image, each with its own hidden units for the next machine


def first_alone(split: Split, generator: Generator, quick: bool) -> RBM:
    """The first machine of the networks: what is gained beyond it is gained by depth."""
    return _first_machine(split, quick, generator)


def dbn_exact(split: Split, generator: Generator, quick: bool) -> ImportanceBound:
    """64-100-20: the top machine is small enough for the sum over its 2^20 hidden states."""
    first = _first_machine(split, quick, generator)
    h = first.sample_hidden(split.train.repeat(COPIES, 1), generator=generator)
    top = RBM(len(first.c), 4 if quick else 20, generator=generator)
    _learn(top, h, epochs=80, step_size=0.2, quick=quick, generator=generator)
    return ImportanceBound(NormalisedBound(DBN([first, top])), SAMPLES)


def dbn_upside_down(split: Split, generator: Generator, quick: bool) -> ImportanceBound:
    """64-100-64: the second machine starts as the first upside down, where the bound is tight."""
    first = _first_machine(split, quick, generator)
    h = first.sample_hidden(split.train.repeat(COPIES, 1), generator=generator)
    top = transposed(first)
    _learn(top, h, epochs=30, step_size=0.2, quick=quick, generator=generator)
    return ImportanceBound(DBN([first, top]), SAMPLES)


def dbm_pretrained(split: Split, generator: Generator, quick: bool) -> ImportanceBound:
    """64-100-50, all links undirected: layer by layer, then jointly."""
    sizes = (D, 8, 4) if quick else (D, 100, 50)
    deep = DBM(sizes, generator=generator, sweeps=10)
    dbm.pretrain(deep, split.train, epochs=1 if quick else 100, batch_size=50, step_size=0.1,
                 generator=generator)  # fmt: skip
    dbm.train_jointly(
        deep, split.train, negative=PersistentChains(100), epochs=1 if quick else 300,
        batch_size=50, step_size=0.1, last_step_size=0.0, average=0.99, generator=generator,
    )  # fmt: skip
    return ImportanceBound(deep, SAMPLES)


def _first_machine(split: Split, quick: bool, generator: Generator) -> RBM:
    rbm = RBM(D, 8 if quick else 100, generator=generator)
    _learn(rbm, split.train, epochs=300, step_size=0.5, quick=quick, generator=generator)
    return rbm


def dbn_log_z(bound: ImportanceBound, split: Split, generator: Generator) -> Estimate:
    """log Z of the top machine, by AIS over its visible units: h¹ of the network."""
    assert isinstance(bound.model, DBN)
    first, top = bound.model.machines
    assert isinstance(first, RBM)
    assert isinstance(top, RBM)
    h = first.sample_hidden(split.train, generator=generator)
    return annealed(top, marginal_rates(h), generator=generator)


def dbm_log_z(bound: ImportanceBound, split: Split, generator: Generator) -> Estimate:
    """log Z by AIS over the even layers, v and h²; h¹ is summed out."""
    deep = bound.model
    assert isinstance(deep, DBM)
    even, _ = deep.fold([split.train, *deep.mean_field(split.train)])
    return annealed(deep.machine, marginal_rates(even), generator=generator)


def _learn(
    machine: RBM, x: Tensor, *, epochs: int, step_size: float, quick: bool,
    generator: Generator,
) -> None:  # fmt: skip
    """Persistent chains, centred gradients, steps that shrink to 0, averaged weights."""
    if not machine.b.any():  # a new machine: start from independent units
        machine.start_from(x)
    train(
        machine, x, negative=PersistentChains(100), epochs=1 if quick else epochs, batch_size=50,
        step_size=step_size, last_step_size=0.0, average=0.99, decay=1e-3, generator=generator,
    )  # fmt: skip


BOARD = BINARISED
ENTRIES = (
    Entry("RBM, 100 hidden units, log Z by AIS", first_alone, seeds=3, log_z=log_z, chain=chains),
    Entry("DBN 64-100-20, exact log Z", dbn_exact, seeds=3, learned=learned_inside),
    Entry("DBN 64-100-64, log Z by AIS", dbn_upside_down, seeds=3, log_z=dbn_log_z),
    Entry("DBM 64-100-50, log Z by AIS", dbm_pretrained, seeds=3, log_z=dbm_log_z),
)
