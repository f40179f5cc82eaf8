"""More misuses, as in `test_misuse`: of data, laws, chains, players, worlds and texts."""

import math
from pathlib import Path

import networkx as nx
import pytest
import torch
from torch import nn

import coursepkg
from coursepkg import bayes, data, games, graphs, nets, samplers, training
from coursepkg.bayes import regression
from coursepkg.evaluation import Given, ImportanceBound, Nats, best_of_many, nats, over_seeds
from coursepkg.evaluation.samples import (
    gaussian_frechet,
    modes_covered,
    neighbour_radii,
    permutation_test,
)
from coursepkg.models import gan, language, worlds
from coursepkg.models.autoencoders import (
    VAE,
    Coins,
    ImportanceLoss,
    RateWeighted,
    Stack,
    amari_distance,
    pathwise_gradient,
    principal_axes,
    slots,
)
from coursepkg.models.autoregressive import ARM, Decoder
from coursepkg.models.diffusion import (
    Diffusion,
    NoiseChain,
    cosine_betas,
    linear_betas,
    power_levels,
)
from coursepkg.models.flows import Permutation, StandardNormal
from coursepkg.models.mixtures import GaussianMixture, em, evidence_bound
from coursepkg.models.nonparametric import Histogram
from coursepkg.models.rbm import RBM, ContrastiveDivergence, train
from coursepkg.models.transformed import Transformed
from coursepkg.rng import seeded
from tests.coursepkg.test_misuse import (
    BITS,
    DATA,
    LEVELS,
    PLANE,
    TENSOR,
    arm,
    fit,
    g,
    mixture,
    rbm,
    sgd,
    vae,
    walk,
)
from tests.coursepkg.training.toys import Line

INTEGER, NUMBER = "expected an integer, got", "expected a number, got"
FLOATS = "expected a floating-point tensor, got dtype"
LAW = torch.tensor([0.25, 0.75])
TURN = torch.tensor([[0.0, 1.0], [1.0, 0.0]])


class Says(nn.Module):
    """A model whose log-density has a shape of its own."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def log_prob(self, x):
        return torch.zeros(self.shape)


class Lossy(Line):
    """A model whose loss is what it is told."""

    def __init__(self, said):
        super().__init__()
        self.said = said

    def loss(self, x, *, generator):
        return self.said(x)


def lossy(said):
    model = Lossy(said)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return training.fit(model, DATA, valid=DATA, epochs=1, batch_size=3, optimizer=optimizer,
                        generator=g(), progress=False)  # fmt: skip


def still():
    model = Line()
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    return training.fit(model, DATA, epochs=1, batch_size=3, optimizer=optimizer, generator=g(),
                        progress=False)  # fmt: skip


def learn(**changes):
    recipe = {"negative": ContrastiveDivergence(), "epochs": 1, "batch_size": 2, "step_size": 0.1}
    return train(rbm(), BITS, generator=g(), **(recipe | changes))


def players(**changes):
    parts = {
        "net": nets.MLP([3, 8, 2], generator=g()),
        "critic": nets.MLP([2, 8, 1], generator=g()),
    }
    sizes = {"latent": 3, "event": (2,), "objective": gan.NonSaturating()}
    return gan.GAN(**(parts | sizes | changes))


def grid():
    return worlds.grid_world(["S.G"])


def seen():
    return worlds.wander(grid(), 20, generator=g())


def images():
    return nets.ResidualCNN((1, 2, 2), 1, hidden=2, blocks=1, generator=g())


def chain():
    return NoiseChain(cosine_betas(5))


ROWS = {
    # numbers
    "seeded('3')": (lambda: seeded("3"), TypeError, f"^seed: {INTEGER} '3'"),
    "seeded(True)": (lambda: seeded(True), TypeError, f"^seed: {INTEGER} True"),
    "best_of_many(2.5)": (lambda: best_of_many(2.5), TypeError, f"^M: {INTEGER} 2.5"),
    "bits_per_dim(0)": (lambda: Nats(1.0, "=", 0.1).bits_per_dim(0), ValueError,
                        "^D: expected a finite number > 0, got 0"),
    "Histogram(smoothing='1')": (lambda: Histogram(3, low=0.0, high=1.0, smoothing="1"), TypeError,
                                 f"^smoothing: {NUMBER} '1'"),
    "Histogram(low=None)": (lambda: Histogram(3, low=None, high=1.0, smoothing=1.0), TypeError,
                            "^low: expected a finite number, got None"),
    "mixture(tolerance='0')": (
        lambda: GaussianMixture(2, dim=2, tolerance="0", generator=g()), TypeError,
        f"^tolerance: {NUMBER} '0'"),
    "HMC(steps=2.5)": (lambda: samplers.HMC(len, step_size=0.1, steps=2.5), TypeError,
                       f"^steps: {INTEGER} 2.5"),
    "HMC(mass=list)": (lambda: samplers.HMC(len, step_size=0.1, steps=2, mass=[1.0]), TypeError,
                       f"^mass: {TENSOR} list"),
    "total_variation(steps=-1)": (
        lambda: samplers.total_variation(TURN, LAW, steps=-1), ValueError,
        "^steps: expected an integer >= 0, got -1"),
    "lasso(max_sweeps=0)": (
        lambda: regression.lasso(PLANE, PLANE[:, 0], penalty=1.0, max_sweeps=0), ValueError,
        "^max_sweeps: expected a finite number > 0, got 0"),
    "welch(segment=4.0)": (lambda: bayes.welch(DATA, segment=4.0), TypeError,
                           f"^segment: {INTEGER} 4.0"),
    "permutations=1.5": (
        lambda: permutation_test(PLANE, PLANE, bandwidth=1.0, permutations=1.5, generator=g()),
        TypeError, f"^permutations: {INTEGER} 1.5"),
    "modes_covered(least='1')": (lambda: modes_covered(PLANE, PLANE, radius=1.0, least="1"),
                                 TypeError, f"^least: {NUMBER} '1'"),
    "cosine_betas(offset='0')": (lambda: cosine_betas(5, offset="0"), TypeError,
                                 f"^offset: {NUMBER} '0'"),
    "linear_betas(last=2)": (lambda: linear_betas(5, last=2.0), ValueError,
                             r"^last: expected a share inside \(0, 1\), got 2.0"),
    "power_levels(most=None)": (lambda: power_levels(5, least=0.0, most=None), TypeError,
                                "^most: expected a finite number, got None"),
    "grid_world(slip='1')": (lambda: worlds.grid_world(["S.G"], slip="1"), TypeError,
                             f"^slip: {NUMBER} '1'"),
    "gibbs(sweeps=1.5)": (
        lambda: arm().complete_by_gibbs(LEVELS, LEVELS > 0, sweeps=1.5, generator=g()), TypeError,
        f"^sweeps: {INTEGER} 1.5"),
    "arm.log_conditional(-1)": (lambda: arm().log_conditional(LEVELS, -1), ValueError,
                                r"^d: expected a variable 0\.\.3, got -1"),
    "top_k(k='2')": (lambda: language.top_k(LAW.log(), k="2"), TypeError, f"^k: {NUMBER} '2'"),
    "train(epochs=1.5)": (lambda: learn(epochs=1.5), TypeError, f"^epochs: {INTEGER} 1.5"),
    "train(average=None)": (lambda: learn(average=None), TypeError, f"^average: {NUMBER} None"),
    "warm_up_cosine(steps=9.0)": (
        lambda: training.warm_up_cosine(sgd(), warm_up=1, steps=9.0), TypeError,
        f"^steps: {INTEGER} 9.0"),
    "soft_threshold(-1)": (lambda: bayes.soft_threshold(PLANE, -1.0), ValueError,
                           "^threshold: expected a number >= 0, got -1.0"),
    # tensors of another kind or shape
    "ridge(lists)": (lambda: bayes.ridge([[1.0]], [1.0], penalty=1.0), TypeError,
                     f"^X: {TENSOR} list"),
    "ridge_path(penalties below 0)": (
        lambda: bayes.ridge_path(PLANE, PLANE[:, 0], penalties=torch.tensor([1.0, -1.0])),
        ValueError, "^penalties: expected numbers > 0, got -1"),
    "loss(column of y)": (
        lambda: regression.loss(PLANE[0], PLANE, PLANE[:, :1], sigma=1.0), ValueError,
        r"^X, y: expected shapes \(N, M\) and \(N,\), got \(4, 2\) and \(4, 1\)"),
    "predictive(wide X_new)": (
        lambda: bayes.BayesianRegression(1.0, 1.0).predictive(PLANE, PLANE[:, 0], X_new=DATA),
        ValueError, r"^X_new: expected shape \(B, 2\), got \(6, 4\)"),
    "laplace_log_evidence(integers)": (
        lambda: bayes.laplace_log_evidence(LEVELS, sigma=1.0, strength=1.0), TypeError,
        f"^y: {FLOATS} torch.int64"),
    "histogram(levels beyond)": (lambda: bayes.histogram(LEVELS, levels=2), ValueError,
                                 r"^x: expected levels 0\.\.1, got values from 0 to 2"),
    "kl(list)": (lambda: bayes.kl([0.5, 0.5], LAW), TypeError, f"^p: {TENSOR} list"),
    "kl(rows that do not fit)": (
        lambda: bayes.kl(LAW.expand(2, 2), LAW.expand(3, 2)), ValueError,
        r"^p, q: expected rows that broadcast, got shapes \(2, 2\), \(3, 2\)"),
    "kraft_sum(string)": (lambda: bayes.kraft_sum("01"), TypeError,
                          "^words: expected a list of code words, got the string '01'"),
    "autocorrelation(integers)": (lambda: samplers.autocorrelation(LEVELS), TypeError,
                                  f"^x: {FLOATS} torch.int64"),
    "ess_mean(array)": (lambda: samplers.ess_mean(DATA.numpy()), TypeError,
                        f"^draws: {TENSOR} ndarray"),
    "stationary(integers)": (lambda: samplers.stationary(TURN.long()), TypeError,
                             f"^P: {FLOATS} torch.int64"),
    "is_reversible(pi of three)": (
        lambda: samplers.is_reversible(TURN, torch.ones(3) / 3), ValueError,
        r"^pi: expected a law over 2 states, got shape \(3,\)"),
    "box_muller(list)": (lambda: samplers.box_muller([[0.1, 0.2]]), TypeError,
                         f"^u: {TENSOR} list"),
    "log_mean_weight(list)": (lambda: samplers.log_mean_weight([0.0, 1.0]), TypeError,
                              f"^log_w: {TENSOR} list"),
    "annealed(list of betas)": (
        lambda: samplers.annealed_importance(None, [0.0, 1.0], chains=2, generator=g()), TypeError,
        f"^betas: {TENSOR} list"),
    "trajectory(lists)": (
        lambda: games.trajectory(games.Simultaneous(games.bilinear(TURN), 0.1), [1.0], [1.0],
                                 steps=1), TypeError, f"^x: {TENSOR} list"),
    "best_row(list)": (lambda: games.MatrixGame(TURN).best_row([0.5, 0.5]), TypeError,
                       f"^q: {TENSOR} list"),
    "table(integers)": (lambda: graphs.JointTable(["a"], torch.tensor([1, 0])), TypeError,
                        f"^p: {FLOATS} torch.int64"),
    "lattice(integers)": (
        lambda: graphs.Lattice(2, 2, torch.eye(2).long(), torch.zeros(2)), TypeError,
        f"^pair: {FLOATS} torch.int64"),
    "Table.log_prob(-1)": (
        lambda: graphs.Table(LAW).log_prob(torch.tensor([-1]), torch.zeros(1, 0).long()),
        ValueError, r"^x: expected levels 0\.\.1, got values from -1 to -1"),
    "Table.sample(parents that are none)": (
        lambda: graphs.Table(LAW).sample(torch.zeros(1, 2).long(), generator=g()), ValueError,
        r"^given: expected \(1, 0\), got \(1, 2\)"),
    "conditional_probs(real)": (
        lambda: graphs.ising(2, 2, beta=1.0).conditional_probs(torch.zeros(1, 4)), TypeError,
        r"^x: expected integer levels 0\.\.1, got dtype torch.float64"),
    "frechet(scalar covariance)": (
        lambda: gaussian_frechet(LAW, torch.ones(2), LAW, torch.eye(2)), ValueError,
        r"^covariance: expected shape \(B, 2\), got \(2,\)"),
    "frechet(skew covariance)": (
        lambda: gaussian_frechet(LAW, torch.tensor([[1.0, 1.0], [0.0, 1.0]]), LAW, torch.eye(2)),
        ValueError, r"^covariance: expected a symmetric \(2, 2\)"),
    "neighbour_radii(list)": (lambda: neighbour_radii([[0.0], [1.0]], k=1), TypeError,
                              f"^x: {TENSOR} list"),
    "rbm.hidden_probs(float32)": (lambda: rbm().hidden_probs(BITS.float()), TypeError,
                                  "^v: expected torch.float64 as the model has"),
    "rbm.hidden_probs(wide)": (lambda: rbm().hidden_probs(DATA), ValueError,
                               r"^v: expected \(\.\.\., 3\), got \(6, 4\)"),
    "evidence_bound(one column)": (
        lambda: evidence_bound(DATA, DATA[:, :1]), ValueError,
        r"^r: expected shape \(6, 4\), got \(6, 1\)"),
    "principal_axes(list)": (lambda: principal_axes([[0.0, 1.0]]), TypeError, f"^x: {TENSOR} list"),
    "amari_distance(integers)": (lambda: amari_distance(TURN.long(), TURN), TypeError,
                                 f"^W: {FLOATS} torch.int64"),
    "pathwise_gradient(one std)": (
        lambda: pathwise_gradient(lambda z: z.sum(1), LAW, LAW[:1], draws=2, generator=g()),
        ValueError, r"^mean, std: expected one shape \(M,\), got \(2,\) and \(1,\)"),
    "slots(list)": (lambda: slots([0.5, 0.5], bits=4), TypeError, f"^p: {TENSOR} list"),
    "whiten(integers)": (lambda: data.whiten(LEVELS), TypeError, f"^x: {FLOATS} torch.int64"),
    "draw_patches(list)": (lambda: data.draw_patches(2, 2, generator=g(), images=[[[0.0]]]),
                           TypeError, f"^images: {TENSOR} list"),
    "mu_law_encode(array)": (lambda: data.mu_law_encode(DATA.numpy()), TypeError,
                             f"^x: {TENSOR} ndarray"),
    "shrink(real)": (lambda: data.shrink(torch.zeros(1, 784)), TypeError,
                     "^x: expected a tensor of integers, got dtype torch.float64"),
    "windows(length=2.0)": (lambda: data.sliding_windows(DATA, 2.0), TypeError,
                            f"^length: {INTEGER} 2.0"),
    "decode(real)": (lambda: data.Vocabulary("ab").decode(torch.zeros(2)), TypeError,
                     "^ids: expected a tensor of integers, got dtype torch.float64"),
    "kept_share(scores)": (lambda: language.kept_share(TURN[0] * 3, TURN[0]), ValueError,
                           "^p: expected probabilities that sum to 1, got"),
    "preferred(list)": (lambda: language.preferred([1.0], LAW[:1]), TypeError,
                        f"^reward: {TENSOR} list"),
    "estimated_discounts(real)": (lambda: language.estimated_discounts(LAW), TypeError,
                                  "^counts: expected a tensor of integers, got dtype"),
    "jensen_shannon(a number)": (lambda: gan.jensen_shannon(LAW, LAW[:1]), ValueError,
                                 r"^p, q: expected the same last axis, got \(2,\), \(1,\)"),
    "value_of_policy(list)": (
        lambda: worlds.value_of_policy(grid().world, [0, 0, 0], discount=0.5), TypeError,
        f"^policy: {TENSOR} list"),
    "counts(one state less)": (lambda: worlds.counts(seen(), 1, 4), ValueError,
                               "^s: expected 0 to 0, got values from 0 to 1"),
    # texts
    "Vocabulary(bytes)": (lambda: data.Vocabulary(b"ab"), TypeError,
                          "^characters: expected a string, got bytes"),
    "encode(list)": (lambda: data.Vocabulary("ab").encode(["a"]), TypeError,
                     "^text: expected a string, got list"),
    "split_text(NUL)": (lambda: data.split_text("a\0\n\nb", source="x"), ValueError,
                        "^x: expected text, got NUL"),
    "BytePairs(size=300.0)": (lambda: data.BytePairs.from_text("ab ab", size=300.0), TypeError,
                              f"^size: {INTEGER} 300.0"),
    "from_bytes(beyond)": (lambda: data.from_bytes("€"), ValueError,
                           r"^text: expected bytes as characters 0\.\.255, got '€'"),
    "count_heads(list)": (lambda: bayes.count_heads(["H", "T"]), TypeError,
                          "^tosses: expected a string, got list"),
    "automaton.sample(0)": (lambda: data.even_a().sample(0, generator=g()), ValueError,
                            "^n: expected a finite number > 0, got 0"),
    "dyck.sample(None)": (lambda: data.Dyck(0.3).sample(None, generator=g()), TypeError,
                          f"^n: {INTEGER} None"),
    "log_prob(numbers)": (lambda: data.even_a().log_prob([1, 2]), TypeError,
                          "^words: expected strings, got 1"),
    "grid_world(numbers)": (lambda: worlds.grid_world([1, 2]), TypeError,
                            r"^plan: expected a sequence of strings, got \[1, 2\]"),
    "Decoder(string)": (lambda: Decoder("01"), TypeError, "^message: expected bytes, got str"),
    "Stack.from_bytes(string)": (lambda: Stack.from_bytes("01"), TypeError,
                                 "^message: expected bytes, got str"),
    "Stack.pop(nothing)": (lambda: Stack().pop([]), ValueError, "^edges: expected 0 = e_0"),
    # what is made of what
    "ARM(None)": (lambda: ARM(None, dim=2, levels=2), TypeError,
                  "^net: expected methods __call__, got NoneType"),
    "ARM(class)": (lambda: ARM(nn.Identity, dim=2, levels=2), TypeError,
                   "^net: expected an instance, got the class Identity"),
    "VAE(likelihood=class)": (
        lambda: VAE(nn.Identity(), nn.Identity(), likelihood=Coins, latent=2), TypeError,
        "^likelihood: expected an instance, got the class Coins"),
    "Diffusion(net)": (lambda: Diffusion(nn.Identity(), chain()), TypeError,
                       "^denoiser: expected methods embed, .* got Identity without embed"),
    "Transformed(density=Identity)": (
        lambda: Transformed(Permutation(torch.tensor([1, 0])), nn.Identity()), TypeError,
        "^density: expected methods log_prob, sample, got Identity"),
    "RateWeighted(flow)": (lambda: RateWeighted(StandardNormal(2), 1.0), TypeError,
                           "^model: expected methods terms, got StandardNormal without terms"),
    "ImportanceLoss(arm)": (lambda: ImportanceLoss(arm(), 2), TypeError,
                            "^model: expected methods log_weight, got ARM without log_weight"),
    "GAN(latent=3.0)": (lambda: players(latent=3.0), TypeError, f"^latent: {INTEGER} 3.0"),
    "GAN(event=2)": (lambda: players(event=2), TypeError,
                     "^event: expected a list of integers, got 2"),
    "GAN(objective=class)": (lambda: players(objective=gan.NonSaturating), TypeError,
                             "^objective: expected an instance, got the class NonSaturating"),
    "em(flow)": (lambda: em(StandardNormal(2), PLANE, steps=1), TypeError,
                 "^model: expected methods log_joint, m_step, got StandardNormal"),
    "train(negative=class)": (lambda: learn(negative=ContrastiveDivergence), TypeError,
                              "^negative: expected an instance that is called, got"),
    "DirectedModel(tensor)": (lambda: graphs.DirectedModel({"a": LAW}), TypeError,
                              "^a: expected a Conditional, got Tensor"),
    "CheckerboardGibbs(None)": (lambda: graphs.CheckerboardGibbs(None), TypeError,
                                "^lattice: expected a Lattice, got NoneType"),
    "clique_energies(tensor)": (lambda: graphs.clique_energies(LAW), TypeError,
                                "^joint: expected a JointTable, got Tensor"),
    "d_separated(numbers)": (
        lambda: graphs.d_separated(nx.DiGraph([(1, 2)]), 1, 3), ValueError,
        r"^b: expected names among \[1, 2\], got \[3\]"),
    "value_iteration(grid)": (lambda: worlds.value_iteration(grid(), discount=0.5), TypeError,
                              "^world: expected a World, got Grid"),
    "counted(world)": (lambda: worlds.counted(grid().world, 3, 4, strength=1.0), TypeError,
                       "^seen: expected an Experience, got World"),
    "over_seeds(numbers)": (lambda: over_seeds([1.0, 2.0]), TypeError,
                            "^results: expected Nats, got 1.0"),
    # what is said of x
    "nats(class)": (lambda: nats(GaussianMixture, PLANE), TypeError,
                    "^model: expected an instance, got the class GaussianMixture"),
    "nats(a number for all)": (lambda: nats(Says(()), PLANE), ValueError,
                               r"^model: expected shape \(4,\), one number an example, got \(\)"),
    "nats(a column)": (lambda: nats(Says((4, 1)), PLANE), ValueError,
                       r"^model: expected shape \(4,\), one number an example, got \(4, 1\)"),
    "nats(log_Z=nan)": (lambda: nats(rbm(), BITS, log_Z=math.nan), ValueError,
                        "^log_Z: expected a finite number, got nan"),
    "nats(log_Z='1')": (lambda: nats(rbm(), BITS, log_Z="1"), TypeError,
                        "^log_Z: expected a finite number, got '1'"),
    "nats(log_Z_error=-1)": (lambda: nats(rbm(), BITS, log_Z=1.0, log_Z_error=-1.0), ValueError,
                             "^log_Z_error: expected a number >= 0, got -1.0"),
    "Given(class)": (lambda: Given(GaussianMixture, LAW), TypeError,
                     "^model: expected an instance, got the class GaussianMixture"),
    "ImportanceBound(class)": (lambda: ImportanceBound(VAE, 2), TypeError,
                               "^model: expected an instance, got the class VAE"),
    # trainings
    "fit(loss of a batch)": (lambda: lossy(lambda x: x.mean()), ValueError,
                             r"^loss: expected shape \(3,\), one an example, got \(\)"),
    "fit(loss as a number)": (lambda: lossy(lambda x: 1.0), ValueError,
                              r"^loss: expected shape \(3,\), one an example, got float"),
    "fit(constant loss)": (lambda: lossy(lambda x: x[:, 0]), ValueError,
                           "^loss: expected one that depends on a parameter, got a constant"),
    "fit(rate 0)": (still, ValueError, "^optimizer: expected a learning rate > 0, got 0.0"),
    "fit(valid of another shape)": (lambda: fit(valid=DATA[:, :3]), ValueError,
                                    r"^valid: expected examples \(4,\) of torch.float64"),
    "fit(valid of another kind)": (lambda: fit(valid=DATA.float()), ValueError,
                                   "^valid: expected examples .*got .* of torch.float32"),
    "fit(LBFGS)": (lambda: training.fit(
        model := Line(), DATA, epochs=1, batch_size=3, generator=g(),
        optimizer=torch.optim.LBFGS(model.parameters())), ValueError,
        "^optimizer: expected one whose step needs nothing, got LBFGS, whose step needs closure"),
    "fit(schedule by scores)": (lambda: training.fit(
        model := Line(), DATA, epochs=1, batch_size=3, generator=g(),
        optimizer=(optimizer := torch.optim.SGD(model.parameters(), 0.1)),
        schedule=torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)), ValueError,
        "^schedule: expected one whose step needs nothing, got ReduceLROnPlateau"),
    "fit(fabric='cpu')": (lambda: fit(fabric="cpu"), TypeError,
                          "^fabric: expected a lightning_fabric.Fabric, got 'cpu'"),
    "fit(class)": (
        lambda: training.fit(Line, DATA, epochs=1, batch_size=3, optimizer=sgd(), generator=g()),
        TypeError, r"^model: expected a method loss\(x, \*, generator\), got type"),
    "fit(checkpoint=3)": (lambda: fit(checkpoint=3), TypeError,
                          "^checkpoint: expected a path, got 3"),
    "fit(checkpoint that cannot be)": (lambda: fit(checkpoint="/proc/run.pt"), OSError,
                                       "^checkpoint: expected a folder to write in, got /proc"),
    "load(list)": (lambda: coursepkg.load(["vae"]), ValueError, "^name: expected one of .*'vae'"),
    "run(thin='1')": (lambda: walk(thin="1"), TypeError, f"^thin: {INTEGER} '1'"),
    "vae.sample(12.0)": (lambda: vae().sample(12.0, generator=g()), TypeError,
                         f"^n: {INTEGER} 12.0"),
    "mixture.fit(nan)": (lambda: mixture().fit(PLANE * math.nan), ValueError,
                         "^x: expected finite numbers, got 8 NaN or inf"),
    "residual network(two images in a row)": (
        lambda: images()(torch.zeros(1, 8)),
        ValueError, r"expected shape \(B, 4\), got \(1, 8\)"),
    "RBM(scale='1')": (lambda: RBM(3, 2, scale="1", generator=g()), TypeError,
                       f"^scale: {NUMBER} '1'"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), ROWS.values(), ids=ROWS)
def test_a_misuse_is_an_error_that_says_what_was_expected_and_what_came(call, error, message):
    """Kills: any of these checks left out."""
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("change", ["batch_size", "ema", "rate", "examples", "optimizer"])
def test_a_checkpoint_of_another_recipe_is_refused(change, tmp_path: Path):
    """Kills: a run that goes on as neither of the two, without a word."""

    def run(**changes):
        model = Line()
        kind, rate = changes.pop("optimizer", torch.optim.Adam), changes.pop("rate", 0.1)
        recipe = {"epochs": 1, "batch_size": 3, "ema": 0.5, "examples": DATA} | changes
        return training.fit(model, recipe.pop("examples"), **recipe, generator=g(), progress=False,
                            optimizer=kind(model.parameters(), rate), checkpoint=path)  # fmt: skip

    path = tmp_path / "run.pt"
    run()
    before = path.read_bytes()
    other = {"batch_size": 2, "ema": 0.6, "rate": 0.2, "examples": DATA[:5],
             "optimizer": torch.optim.AdamW}  # fmt: skip
    with pytest.raises(ValueError, match=r"run\.pt: expected a run of this recipe; they differ"):
        run(epochs=2, **{change: other[change]})
    assert path.read_bytes() == before
    assert run(epochs=2).epochs == 2
