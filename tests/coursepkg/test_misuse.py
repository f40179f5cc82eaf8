"""Misuses of the package, one a row: each is an error that says what was expected and what came.

``pytest -v tests/coursepkg/test_misuse.py`` prints the table.
"""

import math
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
import torch
from torch import nn

from coursepkg import games, graphs, nets, objectives, samplers, training
from coursepkg.bayes import BetaBernoulli, NormalGamma, ridge
from coursepkg.data import Banana, IsotropicMixture, draw_tones, read_text
from coursepkg.enumeration import Normalised
from coursepkg.evaluation import ImportanceBound, nats, paired
from coursepkg.evaluation.samples import mmd_squared
from coursepkg.models.autoencoders import VAE, Coins
from coursepkg.models.autoregressive import ARM, MarkovChain
from coursepkg.models.boltzmann import BoltzmannMachine
from coursepkg.models.diffusion import Diffusion, LevelDenoiser, NoiseChain, cosine_betas
from coursepkg.models.few_steps import Jumps
from coursepkg.models.flows import Chain, Permutation, StandardNormal
from coursepkg.models.gan import GAN, NonSaturating
from coursepkg.models.language import temper
from coursepkg.models.masked import AnyOrder
from coursepkg.models.mixtures import CategoricalMixture, GaussianMixture
from coursepkg.models.nonparametric import Histogram, KernelDensity
from coursepkg.models.rbm import RBM, SpinRBM
from coursepkg.models.transformed import Transformed
from coursepkg.models.worlds import grid_world, value_iteration
from coursepkg.rng import draw_seed, seeded
from coursepkg.validate import check_levels
from tests.coursepkg.training.toys import Line

DATA = torch.arange(24.0).view(6, 4) / 24
PLANE = torch.arange(8.0).view(4, 2)
BITS = torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
LEVELS = torch.tensor([[0, 1, 2, 1]])


def g():
    return seeded(0)


def rbm():
    return RBM(3, 2, generator=g())


def mixture():
    return GaussianMixture(2, dim=2, generator=g())


def arm():
    return ARM(nets.MADE(dim=4, levels=3, hidden=[8], generator=g()), dim=4, levels=3)


def vae():
    encoder, decoder = nets.MLP([3, 8, 4], generator=g()), nets.MLP([2, 8, 3], generator=g())
    return VAE(encoder, decoder, likelihood=Coins(dim=3), latent=2)


def flow():
    return Transformed(Chain([Permutation(torch.tensor([1, 0]))]), StandardNormal(2))


def gan():
    net, critic = nets.MLP([3, 8, 2], generator=g()), nets.MLP([2, 8, 1], generator=g())
    return GAN(net, critic, latent=3, event=(2,), objective=NonSaturating())


def diffusion():
    net = nets.MLP([4, 8, 12], generator=g())
    return Diffusion(LevelDenoiser(net, dim=4, levels=3), NoiseChain(cosine_betas(5)))


def any_order():
    return AnyOrder(nn.Identity(), dim=4, levels=3)


def walk(x=PLANE, **changes: Any):
    kernel = samplers.RandomWalk(lambda x: -x.square().sum(1), step_size=1.0)
    return samplers.run(kernel, x, **({"steps": 4, "generator": g()} | changes))


def table():
    return graphs.JointTable(["a", "b"], torch.full((2, 2), 0.25))


def cycle():
    return nx.DiGraph([("a", "b"), ("b", "c"), ("c", "a")])


def fit(**changes: Any):
    """A training of one epoch, of a model whose weights must stay as they are."""
    model = Line()
    recipe = {
        "epochs": 1, "batch_size": 3, "optimizer": torch.optim.SGD(model.parameters(), 0.1),
        "generator": g(), "progress": False,
    }  # fmt: skip
    try:
        return training.fit(model, DATA, **(recipe | changes))
    finally:
        assert not model.w.any(), "trained before it refused"


def sgd():
    return torch.optim.SGD(Line().parameters(), 0.1)


def two_models():
    model = Line()
    both = torch.optim.SGD([*model.parameters(), *Line().parameters()], 0.1)
    return training.fit(model, DATA, epochs=1, batch_size=3, optimizer=both, generator=g())


def halving():
    return torch.optim.lr_scheduler.StepLR(sgd(), 1)


def torn(folder: Path, content: bytes):
    path = folder / "run.pt"
    path.write_bytes(content)
    return fit(checkpoint=path)


def no_utf8(folder: Path):
    (folder / "a.txt").write_bytes(b"one\n\n\xff\xfe")
    return read_text(folder / "a.txt")


INTEGER, COUNT = "expected an integer, got", "expected a finite number > 0, got"
GENERATOR = "^generator: expected a torch.Generator, got"
TENSOR = "expected a torch.Tensor, got"
ROWS = {
    # how many draws, and from what
    "mixture.sample(0)": (lambda: mixture().sample(0, generator=g()), ValueError, f"^n: {COUNT} 0"),
    "rbm.sample(-1)": (lambda: rbm().sample(-1, generator=g()), ValueError, f"^n: {COUNT} -1"),
    "vae.sample(2.5)": (lambda: vae().sample(2.5, generator=g()), TypeError, f"^n: {INTEGER} 2.5"),
    "arm.sample(True)": (lambda: arm().sample(True, generator=g()), TypeError,
                         f"^n: {INTEGER} True"),
    "gan.sample('3')": (lambda: gan().sample("3", generator=g()), TypeError, f"^n: {INTEGER} '3'"),
    "flow.sample(None)": (lambda: flow().sample(None, generator=g()), TypeError,
                          f"^n: {INTEGER} None"),
    "coin.sample(0)": (lambda: BetaBernoulli().sample(0, generator=g()), ValueError,
                       f"^n: {COUNT} 0"),
    "diffusion.sample(generator=0)": (lambda: diffusion().sample(2, generator=0), TypeError,
                                      f"{GENERATOR} 0"),
    "rbm.sample(generator=None)": (lambda: rbm().sample(2, generator=None), TypeError,
                                   f"{GENERATOR} None"),
    "banana.sample(generator=None)": (lambda: Banana().sample(2, generator=None), TypeError,
                                      f"{GENERATOR} None"),
    "vae.loss(generator=None)": (lambda: vae().loss(BITS, generator=None), TypeError,
                                 f"{GENERATOR} None"),
    "masked.loss(generator=0)": (lambda: any_order().loss(LEVELS, generator=0), TypeError,
                                 f"{GENERATOR} 0"),
    "MLP(generator=0)": (lambda: nets.MLP([2, 2], generator=0), TypeError, f"{GENERATOR} 0"),
    "run(generator=None)": (lambda: walk(generator=None), TypeError, f"{GENERATOR} None"),
    "draw_seed(None)": (lambda: draw_seed(None), TypeError, f"{GENERATOR} None"),
    "draw_tones(2.0)": (lambda: draw_tones(2.0, generator=g()), TypeError, f"^n: {INTEGER} 2.0"),
    # what should be a tensor, of which kind
    "mixture.fit(array)": (lambda: mixture().fit(PLANE.numpy()), TypeError,
                           f"^x: {TENSOR} ndarray"),
    "arm.log_prob(list)": (lambda: arm().log_prob(LEVELS.tolist()), TypeError,
                           f"^x: {TENSOR} list"),
    "diffusion.loss(None)": (lambda: diffusion().loss(None, generator=g()), TypeError,
                             f"^x: {TENSOR} NoneType"),
    "ridge(array)": (lambda: ridge(PLANE.numpy(), PLANE[:, 0], penalty=1.0), TypeError,
                     f"^X: {TENSOR} ndarray"),
    "nats(array)": (lambda: nats(mixture(), PLANE.numpy()), TypeError, f"^x: {TENSOR} ndarray"),
    "run(list)": (lambda: walk([[0.0, 1.0]]), TypeError, f"^x: {TENSOR} list"),
    "mmd(array)": (lambda: mmd_squared(PLANE, PLANE.numpy(), bandwidth=1.0), TypeError,
                   f"^y: {TENSOR} ndarray"),
    "table(list)": (lambda: graphs.JointTable(["a"], [0.5, 0.5]), TypeError, f"^p: {TENSOR} list"),
    "IsotropicMixture(array)": (lambda: IsotropicMixture(PLANE, PLANE[:, 0].numpy()), TypeError,
                                f"^scales: {TENSOR} ndarray"),
    "rbm.free_energy(integers)": (lambda: rbm().free_energy(BITS.long()), TypeError,
                                  "^x: expected a floating-point tensor, got dtype torch.int64"),
    "markov.log_prob(bool)": (
        lambda: MarkovChain(1, dim=4, levels=3, smoothing=1.0).log_prob(LEVELS > 0), TypeError,
        r"^x: expected integer levels 0\.\.2, got dtype torch.bool"),
    "arm.loss(real)": (lambda: arm().loss(LEVELS.double(), generator=g()), TypeError,
                       r"^x: expected integer levels 0\.\.2, got dtype torch.float64"),
    # another precision, another place
    "rbm.free_energy(float32)": (lambda: rbm().free_energy(BITS.float()), TypeError,
                                 "^x: expected torch.float64 as the model has, got torch.float32"),
    "mixture.log_prob(float64)": (lambda: mixture().float().log_prob(PLANE), TypeError,
                                  "^x: expected torch.float32 as the model has, got torch.float64"),
    "gan.critic_loss(float32)": (lambda: gan().critic_loss(PLANE.float(), generator=g()), TypeError,
                                 "^x: expected torch.float64 as the model has, got torch.float32"),
    "arm.log_prob(meta)": (lambda: arm().log_prob(LEVELS.to("meta")), ValueError,
                           "^x: expected a tensor that holds numbers, got one on meta"),
    "mixture on meta": (lambda: mixture().to("meta").log_prob(PLANE), ValueError,
                        "^x: expected a tensor on meta, got one on cpu"),
    # shapes and values
    "spins.free_energy(wide)": (lambda: SpinRBM(3, 2, generator=g()).free_energy(DATA), ValueError,
                                r"^x: expected shape \(B, 3\), got \(6, 4\)"),
    "histogram.fit(empty)": (
        lambda: Histogram(3, low=0.0, high=1.0, smoothing=1.0).fit(torch.zeros(0)), ValueError,
        r"^x: expected at least one example of shape \(B,\), got none"),
    "check_levels(2 × 0)": (
        lambda: check_levels(torch.zeros(2, 0, dtype=torch.int64), levels=3), ValueError,
        r"^x: expected at least one example of shape \(B, 0\), got 2 without entries"),
    "kernels.log_prob(nan)": (
        lambda: KernelDensity(0.1).fit(DATA[:, 0]).log_prob(DATA[:, 0] * math.nan), ValueError,
        "^x: expected finite numbers, got 6 NaN or inf"),
    "flow.log_prob(inf)": (lambda: flow().log_prob(PLANE / 0), ValueError,
                           "^x: expected finite numbers, got 8 NaN or inf"),
    "categorical.log_prob(levels)": (
        lambda: CategoricalMixture(2, dim=4, levels=2, generator=g()).log_prob(LEVELS), ValueError,
        r"^x: expected levels 0\.\.1, got values from 0 to 2"),
    "boltzmann.energy(halves)": (
        lambda: BoltzmannMachine(3, 0, generator=g()).free_energy(BITS / 2), ValueError,
        "^x: expected zeros and ones, got 4 others, such as 0.5"),
    "temper(vector of NaN)": (lambda: temper(torch.full((2, 3), math.nan), temperature=1.0),
                              ValueError, "^log_p: expected .*got"),
    # sizes and shares
    "TimedMLP(hidden=12.0)": (
        lambda: nets.TimedMLP(2, hidden=12.0, blocks=1, generator=g()), TypeError,
        f"^hidden: {INTEGER} 12.0"),
    "RBM(hidden=2.0)": (lambda: RBM(3, 2.0, generator=g()), TypeError, f"^hidden: {INTEGER} 2.0"),
    "MLP([2, 2.0])": (lambda: nets.MLP([2, 2.0], generator=g()), TypeError,
                      f"^widths: {INTEGER} 2.0"),
    "MADE(hidden=8)": (lambda: nets.MADE(dim=4, levels=3, hidden=8, generator=g()), TypeError,
                       "^hidden: expected a list of integers, got 8"),
    "PixelCNN(channels=-1)": (
        lambda: nets.PixelCNN((2, 2), levels=3, embedding=2, channels=-1, window=3, blocks=1,
                              generator=g()), ValueError, f"^channels: {COUNT} -1"),
    "RasterGRU(levels=0)": (
        lambda: nets.RasterGRU(dim=4, levels=0, embedding=2, hidden=3, generator=g()), ValueError,
        f"^levels: {COUNT} 0"),
    "ResidualMLP(dropout=1.5)": (
        lambda: nets.ResidualMLP(2, 2, hidden=4, blocks=1, dropout=1.5, generator=g()), ValueError,
        r"^dropout: expected a number in \[0, 1\), got 1.5"),
    "MADE(dropout=nan)": (
        lambda: nets.MADE(dim=4, levels=3, hidden=[8], dropout=math.nan, generator=g()), ValueError,
        r"^dropout: expected a number in \[0, 1\), got nan"),
    "NormalGamma(mean=nan)": (lambda: NormalGamma(math.nan, 1.0, 1.0, 1.0), ValueError,
                              "^mean: expected a finite number, got nan"),
    "coin.posterior(2.5, 4)": (lambda: BetaBernoulli().posterior(2.5, 4), TypeError,
                               f"^k: {INTEGER} 2.5"),
    "Jumps(steps=2.0)": (lambda: Jumps(nn.Identity(), dim=2, steps=2.0), TypeError,
                         f"^steps: {INTEGER} 2.0"),
    "run(steps=2.5)": (lambda: walk(steps=2.5), TypeError, f"^steps: {INTEGER} 2.5"),
    "RandomWalk(step_size='1')": (lambda: samplers.RandomWalk(len, step_size="1"), TypeError,
                                  f"^step_size: {COUNT} '1'"),
    "fictitious_play(rounds=2.5)": (
        lambda: games.fictitious_play(games.MatrixGame([[0.0, 1.0], [1.0, 0.0]]), rounds=2.5),
        TypeError, f"^rounds: {INTEGER} 2.5"),
    # what a thing cannot do
    "Normalised(Identity)": (
        lambda: Normalised(nn.Identity()), TypeError,
        "^model: expected methods free_energy, log_z, got Identity without free_energy, log_z"),
    "rbm.log_prob": (lambda: rbm().log_prob(BITS), AttributeError,
                     "^log_prob: expected of a model that is normalised, got RBM.*Normalised"),
    "Transformed(density=rbm)": (
        lambda: Transformed(Permutation(torch.tensor([1, 0])), rbm()), TypeError,
        "^density: expected methods log_prob, sample, got RBM without log_prob; Normalised"),
    "nats(rbm)": (lambda: nats(rbm(), BITS), TypeError,
                  "^log_Z: expected an estimate, since RBM .*Normalised.* got none"),
    "nats(gan)": (lambda: nats(gan(), PLANE), TypeError, "^GAN .*: expected log_prob.* got none"),
    "ImportanceBound(mixture)": (
        lambda: ImportanceBound(mixture(), 2), TypeError,
        "^model: expected log_weight or unnormalised_log_weight, got a GaussianMixture"),
    "noise without log_prob": (
        lambda: objectives.NoiseContrastive(rbm(), rbm()), TypeError,
        "^noise: expected methods log_prob, sample, got RBM without log_prob"),
    "run(kernel=rbm)": (lambda: samplers.run(rbm(), BITS, steps=1, generator=g()), TypeError,
                        "^kernel: expected methods init, step, got RBM without init, step"),
    "paired(unequal)": (lambda: paired(DATA[:, 0], DATA[:3, 0]), ValueError,
                        r"expected two vectors of one length, at least 2, got \(6,\) and \(3,\)"),
    # graphs and worlds
    "d_separated(cycle)": (lambda: graphs.d_separated(cycle(), "a", "b"), ValueError,
                           "^graph: expected no cycle, got the arrows"),
    "d_separated(undirected)": (
        lambda: graphs.d_separated(nx.Graph([("a", "b")]), "a", "b"), TypeError,
        "^graph: expected a networkx.DiGraph, got Graph"),
    "d_separated(unknown)": (
        lambda: graphs.d_separated(nx.DiGraph([("a", "b")]), "a", "z"), ValueError,
        r"^b: expected names among \['a', 'b'\], got \['z'\]"),
    "d_separated(overlap)": (
        lambda: graphs.d_separated(nx.DiGraph([("a", "b")]), "a", "b", given="a"), ValueError,
        r"^given: expected each name in one place, got \['a'\]"),
    "table.marginal(level)": (lambda: table().marginal("a", given={"b": 2}), ValueError,
                              r"^b: expected a level 0\.\.1, got 2"),
    "Ising(2.5 wide)": (lambda: graphs.ising(2, 2.5, beta=1.0), TypeError,
                        f"^width: {INTEGER} 2.5"),
    "value_iteration(discount=1)": (
        lambda: value_iteration(grid_world(["S.G"]).world, discount=1.0), ValueError,
        "^discount: expected .*got 1"),
    # trainings
    "fit(checkpoint in no folder)": (lambda: fit(checkpoint="/nowhere/at/all/run.pt"),
                                     FileNotFoundError,
                                     "^checkpoint: expected a file in a folder that exists, got "
                                     "/nowhere/at/all/run.pt; there is no folder /nowhere/at/all"),
    "fit(clip=0)": (lambda: fit(clip=0.0), ValueError, "^clip: expected .* > 0, got 0.0"),
    "fit(clip=nan)": (lambda: fit(clip=math.nan), ValueError, "^clip: expected .* > 0, got nan"),
    "fit(optimizer of another)": (
        lambda: fit(optimizer=sgd()), ValueError,
        "^optimizer: expected parameters of the model, got 2 of 2 that are not its own"),
    "fit(optimizer of two models)": (
        two_models, ValueError,
        "^optimizer: expected parameters of the model, got 2 of 4 that are not its own"),
    "fit(optimizer=class)": (lambda: fit(optimizer=torch.optim.SGD), TypeError,
                             "^optimizer: expected a torch.optim.Optimizer, got type"),
    "fit(schedule of another)": (
        lambda: fit(schedule=halving()), ValueError,
        "^schedule: expected one of this optimizer, got one of another"),
    "fit(epochs=1.5)": (lambda: fit(epochs=1.5), TypeError, f"^epochs: {INTEGER} 1.5"),
    "fit(select=0.5)": (lambda: fit(select=0.5), TypeError,
                        "^select: expected a function of the model, got 0.5"),
    "fit(generator=0)": (lambda: fit(generator=0), TypeError, f"{GENERATOR} 0"),
    # data and weights
    "load_weights('nothing')": (lambda: nets.load_weights("nothing"), ValueError,
                                "^name: expected one of .*'pixelcnn'.*, got 'nothing'"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), ROWS.values(), ids=ROWS)
def test_a_misuse_is_an_error_that_says_what_was_expected_and_what_came(call, error, message):
    """Kills: any of these checks left out."""
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 torn", b"text"], ids=["empty", "torn", "text"]
)
def test_a_damaged_checkpoint_is_named(content, tmp_path):
    """Kills: the raw error of torch or of zipfile, which does not say which file."""
    with pytest.raises(ValueError, match=r"run\.pt: expected a checkpoint of this loop, got"):
        torn(tmp_path, content)


def test_text_that_is_not_utf8_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"a\.txt: expected UTF-8 text, got"):
        no_utf8(tmp_path)
