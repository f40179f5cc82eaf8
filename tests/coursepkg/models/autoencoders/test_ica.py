"""ICA: likelihood, gradients, equivariance, recovery, Amari's distance, refusals."""

import math
import warnings

import pytest
import torch
from sklearn.decomposition import FastICA
from torch.distributions import MultivariateNormal
from torch.testing import assert_close

from coursepkg.models.autoencoders.ica import (
    ICA,
    amari_distance,
    climb,
    natural_gradient,
    ordinary_gradient,
    start_white,
)
from coursepkg.models.autoencoders.priors import Bimodal, Cauchy, Normal, Sech, Switching
from coursepkg.rng import seeded
from tests.coursepkg.models.autoencoders.truth import cloud, covariance, mixed

PRIORS = [Sech(), Bimodal(), Cauchy(), Normal()]


def made(prior, *, dim: int = 3, seed: int = 0) -> ICA:
    ica, generator = ICA(dim, prior=prior, generator=seeded(0)), seeded(seed)
    ica.W.copy_(torch.randn(dim, dim, generator=generator))
    ica.mean.copy_(torch.randn(dim, generator=generator))
    return ica


@pytest.mark.equation("delta-scaling")
@pytest.mark.parametrize("a", [-2.5, -0.4, 0.3, 3.0])
def test_an_integral_over_a_narrow_peak_divides_by_the_size_of_a(a):
    """The delta as a normal law of shrinking width. Kills: 1/a, a f, f(a x)."""
    x, s = 0.7, torch.linspace(-30, 30, 600_001)
    f = Sech().log_density(s).exp()
    for width in (0.1, 0.01, 0.003):
        peak = (-((x - a * s) ** 2) / (2 * width**2)).exp() / (width * math.sqrt(2 * math.pi))
        integral = (peak * f).sum().item() * 1e-4
    expected = Sech().log_density(torch.tensor(x / a)).exp().item() / abs(a)
    assert integral == pytest.approx(expected, rel=1e-4)


@pytest.mark.equation("delta-scaling")
@pytest.mark.equation("ica-log-likelihood")
def test_the_likelihood_is_the_integral_over_sources_that_narrow_noise_leaves():
    """p(x) of x = G s + ε, by quadrature over s, at ε → 0. Kills: det G multiplied, G for W."""
    ica = ICA(2, prior=Sech(), generator=seeded(0))
    G = torch.tensor([[1.0, 0.5], [0.8, -0.6]])
    assert torch.linalg.det(G) < -0.5, "vacuous: a positive determinant"
    ica.W.copy_(torch.linalg.inv(G))
    line = torch.linspace(-6, 6, 1201)
    s = torch.cartesian_prod(line, line)
    f = Sech().log_density(s).sum(1).exp()
    width = 0.02
    for x in torch.tensor([[0.3, -0.4], [1.0, 1.0]]):
        square = (x - s @ G.T).square().sum(1)
        peak = (-square / (2 * width**2)).exp() / (2 * math.pi * width**2)
        integral = (peak * f).sum() * 0.01**2
        assert integral.log() == pytest.approx(ica.log_prob(x[None]).item(), abs=2e-3)


@pytest.mark.equation("ica-log-likelihood")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_normal_sources_it_is_a_gaussian(seed):
    """Kills: log |det W| subtracted, the mean forgotten, W transposed."""
    ica, x = made(Normal(), seed=seed), cloud(6, 3)
    law = MultivariateNormal(ica.mean, ica.mixing @ ica.mixing.T)
    assert_close(ica.log_prob(x), law.log_prob(x))


@pytest.mark.equation("ica-log-likelihood")
@pytest.mark.parametrize("prior", PRIORS, ids=str)
def test_it_is_the_formula_source_by_source(prior):
    ica, x = made(prior), cloud(4, 3)
    for row, log_p in zip(x, ica.log_prob(x), strict=True):
        expected = torch.linalg.det(ica.W).abs().log()
        for w in ica.W:
            expected = expected + prior.log_density(w @ (row - ica.mean))
        assert_close(log_p, expected)


@pytest.mark.equation("ica-gradient")
@pytest.mark.equation("natural-gradient")
@pytest.mark.parametrize("prior", PRIORS, ids=str)
def test_the_gradients_are_those_of_autograd(prior):
    """Kills: a sign of ψ, W⁻¹ for W⁻ᵀ, the mean left, a sum for a mean, W Wᵀ, no identity."""
    ica, x = made(prior), cloud(9, 3)
    W = ica.W.clone().requires_grad_()
    s = (x - ica.mean) @ W.T
    (torch.linalg.det(W).abs().log() + prior.log_density(s).sum(1).mean()).backward()
    assert_close(ordinary_gradient(ica, x), W.grad)
    assert_close(natural_gradient(ica, x), W.grad @ ica.W.T @ ica.W)
    assert (W.grad * natural_gradient(ica, x)).sum() > 0, "the natural gradient goes up too"


def test_the_printed_score_and_gradient_are_not_the_slopes():
    """Errata of document 002: + k s, and a_i z_j w_ej read as one product."""
    s = torch.tensor([-1.0, 0.5, 2.0], requires_grad=True)
    Normal().log_density(s).sum().backward()
    assert_close(s.grad, -s.detach())
    G = torch.randn(3, 3, generator=seeded(0)).requires_grad_()
    x = torch.randn(3, generator=seeded(1))
    a = torch.linalg.inv(G) @ x
    (-torch.linalg.det(G).abs().log() + Sech().log_density(a).sum()).backward()
    W, a = torch.linalg.inv(G).detach(), a.detach()
    z = Sech().score(a)
    right = -W - torch.outer(a, z @ W)  # at (i, j): that with respect to G_ji
    printed = -W - torch.outer(a, z * W.sum(0))
    assert_close(G.grad.T, right)
    assert (G.grad.T - printed).abs().max() > 0.1


def moments(ica: ICA, x: torch.Tensor) -> torch.Tensor:
    s = ica.sources(x)
    return ica.prior.score(s).T @ s / len(s)


@pytest.mark.equation("ica-stationary")
@pytest.mark.parametrize("prior", [Sech(), Cauchy()], ids=str)
def test_where_it_stops_the_moments_are_minus_the_identity(prior):
    """Full batches until nothing moves; both gradients vanish there. Kills: + δ, ψ with itself."""
    x, _ = mixed(Sech().sample(1000, 3, generator=seeded(0)))
    ica = ICA(3, prior=prior, generator=seeded(0))
    start_white(ica, x)
    assert (moments(ica, x) + torch.eye(3)).abs().max() > 0.05, "vacuous: it starts there"
    for _ in range(600):
        climb(ica, x, direction=natural_gradient, step_size=0.5, batch_size=1000,
              generator=seeded(0))  # fmt: skip
    assert_close(moments(ica, x), -torch.eye(3), atol=1e-8, rtol=0)
    assert ordinary_gradient(ica, x).abs().max() < 1e-7


@pytest.mark.equation("ica-equivariance")
def test_natural_steps_do_not_see_the_mixing_and_ordinary_ones_do():
    """The same sources mixed by two matrices. Kills: the ordinary gradient in its place."""
    s, generator = Sech().sample(300, 3, generator=seeded(0)), seeded(1)
    C = torch.randn(3, 3, generator=generator)
    apart = {}
    for direction, step_size in ((natural_gradient, 0.1), (ordinary_gradient, 1e-4)):
        ends = []
        for seed in (5, 6):
            x, G = mixed(s, seed=seed)
            ica = ICA(3, prior=Sech(), generator=seeded(0))
            ica.mean.copy_(x.mean(0))
            ica.W.copy_(C @ torch.linalg.inv(G))
            system = C.clone()
            for _ in range(5):
                climb(ica, x, direction=direction, step_size=step_size, batch_size=300,
                      generator=seeded(0))  # fmt: skip
                out = (s - s.mean(0)) @ system.T
                system = (
                    system + 0.1 * (torch.eye(3) + ica.prior.score(out).T @ out / len(s)) @ system
                )
            ends.append(ica.W @ G)
        apart[direction] = (ends[0] - ends[1]).abs().max().item()
        if direction is natural_gradient:
            assert_close(ends[0], system)
            assert (system - C).abs().max() > 0.05, "vacuous: it did not move"
    assert apart[natural_gradient] < 1e-9
    assert apart[ordinary_gradient] > 1e-5


@pytest.mark.equation("whitening")
@pytest.mark.parametrize("n", [50, 2000])
def test_it_starts_white_and_what_is_left_of_the_mixing_is_a_rotation(n):
    """Kills: divisor N - 1, the mean left, a root missing."""
    s = Sech().sample(n, 3, generator=seeded(0))
    x, G = mixed(s)
    ica = ICA(3, prior=Sech(), generator=seeded(0))
    start_white(ica, x)
    white = ica.sources(x)
    assert_close(white.mean(0), torch.zeros(3))
    assert_close(covariance(white), torch.eye(3))
    left = ica.W @ G @ torch.linalg.cholesky(covariance(s))  # of sources made white themselves
    assert_close(left @ left.T, torch.eye(3))


SOURCES = {
    "sech": lambda g: Sech().sample(4000, 4, generator=g),
    "uniform": lambda g: torch.rand(4000, 4, generator=g),
    "both": lambda g: torch.cat(
        [Sech().sample(4000, 2, generator=g), torch.rand(4000, 2, generator=g)], dim=1
    ),
}
RIGHT = [("sech", Sech), ("sech", Cauchy), ("uniform", Bimodal),
         *((name, lambda: Switching(4)) for name in SOURCES)]  # fmt: skip
WRONG = [("uniform", Sech), ("sech", Bimodal), ("both", Sech), ("both", Bimodal), ("sech", Normal)]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("name", "law"), RIGHT)
def test_known_sources_are_recovered_up_to_order_sign_and_scale(name, law, seed):
    """Kills: a step that does not move, that goes down, that keeps its size, ψ of another sign."""
    s = SOURCES[name](seeded(seed))
    x, G = mixed(s, seed=seed + 10)
    ica = ICA(4, prior=law(), epochs=60, generator=seeded(0))
    assert ica.fit(x) is ica
    assert amari_distance(ica.W, G) < 0.06
    found = torch.corrcoef(torch.cat([ica.sources(x), s], dim=1).T)[:4, 4:].abs()
    assert (found.max(0).values > 0.99).all()
    assert found.argmax(0).sort().values.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("name", "law"), WRONG)
def test_with_the_wrong_law_they_are_not(name, law, seed):
    """What the stability says. Kills: a law that is ignored."""
    x, G = mixed(SOURCES[name](seeded(seed)), seed=seed + 10)
    ica = ICA(4, prior=law(), epochs=60, generator=seeded(0)).fit(x)
    assert amari_distance(ica.W, G) > 0.1


def test_fast_ica_finds_the_same():
    """scikit-learn's, an oracle: the distances are of one size, and the sources agree."""
    x, G = mixed(SOURCES["sech"](seeded(3)))
    ours = ICA(4, prior=Sech(), epochs=60, generator=seeded(0)).fit(x)
    peer = FastICA(4, whiten="unit-variance", random_state=0, fun="logcosh")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = torch.tensor(peer.fit_transform(x.numpy()))
    W = torch.tensor(peer.components_)
    assert amari_distance(ours.W, W.inverse()) < 0.05
    assert abs(amari_distance(ours.W, G) - amari_distance(W, G)) < 0.02
    together = torch.corrcoef(torch.cat([ours.sources(x), theirs], dim=1).T)[:4, 4:]
    assert (together.abs().max(0).values > 0.995).all()


@pytest.mark.equation("amari-distance")
@pytest.mark.parametrize("dim", [2, 3, 5])
def test_amaris_distance_is_its_formula(dim):
    """Kills: a normaliser, rows twice, signs not dropped, the mean for the maximum."""
    generator = seeded(dim)
    W, G = torch.randn(2, dim, dim, generator=generator)
    P, total = (W @ G).abs(), 0.0
    for i in range(dim):
        total += sum(P[i, j] / max(P[i]) for j in range(dim)) - 1
        total += sum(P[j, i] / max(P[:, i]) for j in range(dim)) - 1
    assert amari_distance(W, G) == pytest.approx((total / (2 * dim * (dim - 1))).item())
    order = torch.eye(dim)[torch.randperm(dim, generator=generator)]
    scales = torch.diag(torch.randn(dim, generator=generator))
    assert amari_distance(scales @ order @ torch.linalg.inv(G), G) == pytest.approx(0, abs=1e-9)
    alike = torch.ones(dim, dim)
    assert amari_distance(-alike, torch.eye(dim)) == pytest.approx(1)


def test_draws_are_mixed_sources():
    """Kills: W for G, the mean forgotten."""
    ica = made(Bimodal())
    x = ica.sample(5, generator=seeded(4))
    s = Bimodal().sample(5, 3, generator=seeded(4))
    assert_close(x, s @ torch.linalg.inv(ica.W).T + ica.mean)
    assert_close(ica.sources(x), s)


def test_a_pass_takes_every_example_once_in_random_order():
    """Kills: the last batch dropped, the order of the file, one batch for all."""
    ica, x = made(Sech()), cloud(23, 3)
    seen = []

    def look(ica, batch):
        seen.append(batch)
        return torch.zeros(3, 3)

    climb(ica, x, direction=look, step_size=1.0, batch_size=10, generator=seeded(0))
    assert [len(batch) for batch in seen] == [10, 10, 3]
    together = torch.cat(seen)
    assert not torch.equal(together, x)
    assert torch.equal(together[together[:, 0].argsort()], x[x[:, 0].argsort()])


@pytest.mark.parametrize("bad", [torch.inf, torch.nan])
def test_one_entry_that_is_not_finite_is_enough(bad):
    """Kills: a look at NaN only, or at all entries together."""
    step = torch.zeros(3, 3)
    step[0, 1] = bad
    with pytest.raises(ValueError, match="step_size: expected one under which W stays finite"):
        climb(made(Sech()), cloud(9, 3), direction=lambda ica, x: step, step_size=1.0,
              batch_size=9, generator=seeded(0))  # fmt: skip


def test_fit_repeats_and_lets_steps_fall():
    """Kills: an order that differs between calls, a first step of 0, a step that does not fall."""
    x, _ = mixed(SOURCES["sech"](seeded(0))[:600])
    one, two = (ICA(4, prior=Sech(), epochs=4, generator=seeded(2)).fit(x) for _ in range(2))
    assert torch.equal(one.W, two.W)
    assert torch.equal(one.fit(x).W, two.W)
    by_hand = ICA(4, prior=Sech(), generator=seeded(2))
    start_white(by_hand, x)
    generator = seeded(one.seed)
    for step_size in (0.3, 0.225, 0.15, 0.075):
        climb(by_hand, x, direction=natural_gradient, step_size=step_size, batch_size=500,
              generator=generator)  # fmt: skip
    assert_close(by_hand.W, one.W)


def test_the_law_of_each_source_is_chosen_anew_in_every_epoch():
    """Kills: a prior that never adapts."""
    x, _ = mixed(SOURCES["uniform"](seeded(0))[:600])
    prior = Switching(4)
    model = ICA(4, prior=prior, epochs=10, generator=seeded(0)).fit(x)
    assert not model.prior.heavy.any()
    assert prior.heavy.all(), "the caller's is not changed"


def test_two_models_made_with_one_law_do_not_share_it():
    """Kills: a fit of the second that changes what the first one says."""
    prior = Switching(4)
    peaked, _ = mixed(SOURCES["sech"](seeded(0))[:600])
    flat, _ = mixed(SOURCES["uniform"](seeded(0))[:600])
    first = ICA(4, prior=prior, epochs=10, generator=seeded(0)).fit(peaked)
    before = first.log_prob(peaked)
    ICA(4, prior=prior, epochs=10, generator=seeded(0)).fit(flat)
    assert torch.equal(first.log_prob(peaked), before)


STILL = torch.cat([cloud(50, 2), torch.ones(50, 1)], dim=1)
DOUBLE = torch.cat([cloud(50, 2), cloud(50, 2).sum(1, keepdim=True)], dim=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ICA(0, prior=Sech(), generator=seeded(0)), r"dim: expected"),
        (lambda: ICA(2, prior=Sech(), epochs=0, generator=seeded(0)), r"epochs: expected"),
        (lambda: ICA(2, prior=Sech(), batch_size=0, generator=seeded(0)), r"batch_size: expected"),
        (lambda: ICA(2, prior=Sech(), step_size=-1, generator=seeded(0)), r"step_size: expected"),
        (lambda: made(Sech()).fit(STILL), r"x: expected sensors that vary, got 1 constant"),
        (lambda: made(Sech()).fit(DOUBLE), r"expected a covariance of rank 3, got 2: reduce"),
        (lambda: made(Sech()).fit(cloud(3, 3)), r"expected a covariance of rank 3, got 2"),
        (lambda: made(Sech()).fit(cloud(9, 3) / 0), r"x: expected finite"),
        (lambda: made(Sech()).fit(cloud(9, 2)), r"x: expected shape"),
        (lambda: made(Sech()).log_prob(cloud(9, 2)), r"x: expected shape"),
        (
            lambda: climb(made(Bimodal()), cloud(900, 3), direction=ordinary_gradient,
                          step_size=1e4, batch_size=1, generator=seeded(0)),
            r"step_size: expected one under which W stays finite, got 10000",
        ),
        (
            lambda: climb(made(Sech()), cloud(9, 3) / 0, direction=natural_gradient,
                          step_size=0.1, batch_size=3, generator=seeded(0)),
            r"x: expected finite",
        ),
        (lambda: amari_distance(torch.eye(2), torch.eye(3)), r"expected the same shape.*\(3, 3\)"),
        (lambda: amari_distance(torch.eye(1), torch.eye(1)), r"with D >= 2"),
        (lambda: amari_distance(torch.ones(2, 3), torch.ones(2, 3)), r"expected the same shape"),
        (lambda: amari_distance(torch.zeros(2, 2), torch.eye(2)), r"without a row or column of z"),
        (lambda: amari_distance(torch.tensor([[1.0, 0], [1, 0]]), torch.eye(2)), r"without a row"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_sensors_nearly_alike_in_single_precision():
    """Kills: sources and determinant in float32, where W's rows of 1e4 cancel."""
    ica = ICA(2, prior=Normal(), generator=seeded(0)).float()
    ica.W.copy_(torch.tensor([[1e4, -1e4 + 1], [1.0, 0.0]]))
    x = torch.tensor([[1.0, 1.0001], [-0.3, -0.3002]]).float()
    W = ica.W.double()
    s = x.double() @ W.T
    expected = torch.linalg.slogdet(W).logabsdet + Normal().log_density(s).sum(1)
    assert_close(ica.log_prob(x).double(), expected, rtol=1e-6, atol=0)


def test_a_singular_matrix_is_refused_in_our_words():
    """Kills: torch's own words about an input that is singular."""
    ica = ICA(2, prior=Normal(), generator=seeded(0))
    ica.W.copy_(torch.tensor([[1.0, 2.0], [2.0, 4.0]]))
    with pytest.raises(ValueError, match="W: expected an invertible matrix, got a singular one"):
        ica.sample(3, generator=seeded(0))
