import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from torch import nn
from torch.distributions import MultivariateNormal
from torch.testing import assert_close

from coursepkg.data.digits import load_split
from coursepkg.evaluation import nats
from coursepkg.models.autoregressive.markov import MarkovChain
from coursepkg.models.copula import CorrelatedNormal, GaussianCopula, Gaussianised, Gaussianiser
from coursepkg.models.dequantised import Dequantised
from coursepkg.models.flows import Affine, Chain, Coupling, Permutation, StandardNormal, half
from coursepkg.models.mixtures.gaussian import GaussianMixture
from coursepkg.models.transformed import Transformed
from coursepkg.nets import ResidualMLP
from coursepkg.rng import seeded
from tests.oracles import state_index, states
from tests.statistics import assert_cdf, assert_mean, assert_probs

D, K = 2, 3


@pytest.fixture
def x(generator):
    """Two pixels of three levels that hang together, with different histograms."""
    first = torch.multinomial(torch.tensor([0.6, 0.3, 0.1]), 200, True, generator=generator)
    step = torch.randint(2, (200,), generator=generator)
    return torch.stack([first, (first + step).clamp(max=2)], dim=1)


def copula(x, *, copies=5, generator=None):
    return GaussianCopula(
        dim=D, levels=K, smoothing=0.5, shrinkage=0.1, copies=copies,
        generator=generator or seeded(0),
    ).fit(x)  # fmt: skip


def exact(model):
    """p(x) of all states, the normal probability of each cell, by quadrature over z_1."""
    edges = torch.nn.functional.pad(model.density.transform.histogram.cumsum(1), (1, 0)).clamp(0, 1)
    edges[:, -1] = 1
    edges = norm.ppf(edges.numpy())
    rho = (model.density.density.scale_tril @ model.density.density.scale_tril.T)[0, 1].item()
    sigma = math.sqrt(1 - rho**2)

    def slice_of_cell(z, low, high):
        return norm.pdf(z) * (
            norm.cdf((high - rho * z) / sigma) - norm.cdf((low - rho * z) / sigma)
        )

    return torch.tensor([
        quad(slice_of_cell, edges[0, c], edges[0, c + 1], args=(edges[1, e], edges[1, e + 1]))[0]
        for c, e in states(K, D).tolist()
    ])


@pytest.mark.equation("gaussianise")
def test_z_is_the_normal_quantile_of_a_rank_within_the_levels_step(x, generator):
    """A slow loop. Kills: F(x) for F(x - 1), another pixel's histogram, no smoothing."""
    pixels = Gaussianiser(dim=D, levels=K, smoothing=0.5).fit(x.double())
    u = torch.rand(x.shape, generator=generator)
    z, _ = pixels.encode(x + u)
    for n in range(20):
        for d in range(D):
            count = [float((x[:, d] == k).sum()) + 0.5 for k in range(K)]
            share = [c / sum(count) for c in count]
            rank = sum(share[: x[n, d]]) + u[n, d].item() * share[x[n, d]]
            assert z[n, d].item() == pytest.approx(norm.ppf(rank), rel=1e-9)


@pytest.mark.equation("gaussianise-volume")
def test_log_volume_is_the_log_jacobian_of_z_by_u(x, generator):
    """Autograd. Kills: the volume with the wrong sign, half a bin, a pixel left out."""
    pixels = Gaussianiser(dim=D, levels=K, smoothing=0.5).fit(x.double())
    u = torch.rand(x.shape, generator=generator).requires_grad_()
    z, log_volume = pixels.encode(x + u)
    (slope,) = torch.autograd.grad(z.sum(), u)  # each z depends on its own u only
    assert_close(log_volume, slope.log().sum(1))


def test_decoding_returns_the_level_whatever_the_noise(x, generator):
    """Kills: cells shifted by one, the top level lost at the edge."""
    pixels = Gaussianiser(dim=D, levels=K, smoothing=0.5).fit(x.double())
    every = states(K, D)
    for u in [torch.rand(9, D, generator=generator), *(torch.full((9, D), v) for v in (1e-9, 0.5))]:
        y = pixels.decode(pixels.encode(every + u)[0])
        assert torch.equal(y.long(), every)
        assert_close(y, every + u)
    ends = pixels.decode(torch.tensor([[-60.0, 60.0]]))
    assert torch.equal(ends.long(), torch.tensor([[0, K - 1]]))
    edge = torch.special.ndtri(pixels.histogram[:, :1].T)  # where level 0 ends, and round about
    near = torch.cat([edge, torch.nextafter(edge, edge - 1), torch.nextafter(edge, edge + 1)])
    assert (pixels.encode(pixels.decode(near))[0] - near).abs().max() < 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("u", [0.0, 1 - 2.0**-50])
def test_the_ends_of_the_noise_stay_finite(dtype, u, x):
    """Kills: Φ⁻¹(0), single precision in the tails."""
    pixels = Gaussianiser(dim=D, levels=K, smoothing=1e-12).fit(x * 0.0).to(dtype)
    z, log_volume = pixels.encode(states(K, D) + u)
    assert z.isfinite().all()
    assert log_volume.isfinite().all()


def test_the_z_of_draws_from_the_histogram_are_normal(x, generator):
    """Kills: noise of half the width, noise around the level."""
    pixels = Gaussianiser(dim=D, levels=K, smoothing=0.5).fit(x.double())
    drawn = torch.multinomial(pixels.histogram, 60_000, True, generator=generator).T
    z, _ = pixels.encode(drawn + torch.rand(drawn.shape, generator=generator))
    for d in range(D):
        assert_cdf(z[:, d], torch.special.ndtr, detects=0.03)


def test_an_unfitted_normal_reproduces_the_independent_categorical_of_the_digits():
    """f = N(0, I) leaves the histograms, at every noise: 106.4 nats, known from chapter 9."""
    split = load_split()
    model = Gaussianised(
        CorrelatedNormal(dim=64, shrinkage=0), dim=64, levels=17, smoothing=0.3, copies=3,
        generator=seeded(0),
    )  # fmt: skip
    model.fit(split.train)
    model.density.density = CorrelatedNormal(dim=64, shrinkage=0)
    chain = MarkovChain(0, dim=64, levels=17, tied=False, smoothing=0.3).fit(split.train)
    assert_close(model.elbo(split.test, generator=seeded(1)), chain.log_prob(split.test))
    score = nats(model, split.test, generator=seeded(2), draws=2)
    assert score.sign == "≤"
    assert 106 < score.value < 106.5


@pytest.mark.equation("gaussianised-elbo")
@pytest.mark.equation("flow-start")
def test_a_flow_that_is_still_the_identity_is_the_independent_model_for_every_noise(generator):
    """Its weight is the product of the histograms, whatever u is. Kills: φ of another point."""
    x = torch.randint(4, (50, 6), generator=generator)
    pixels = Gaussianiser(dim=6, levels=4, smoothing=0.3).fit(x + 0.5)
    net = ResidualMLP(3, 6, hidden=5, blocks=1, generator=generator)
    layers = [
        pixels, Coupling(net, half(6, parity=0), monotone=Affine()),
        Permutation(torch.randperm(6, generator=generator)),
    ]  # fmt: skip
    flow = Dequantised(Transformed(Chain(layers), StandardNormal(6)), levels=4, dtype=torch.float64)
    count = torch.stack([(x == level).sum(0) for level in range(4)], dim=1) + 0.3
    log_p = (count / count.sum(1, keepdim=True)).log()
    expected = log_p[torch.arange(6), x].sum(1)
    for seed in (0, 1):
        log_w = flow.log_weight(x, generator=seeded(seed)).detach()
        assert_close(log_w, expected.to(log_w), atol=1e-5, rtol=0)


def test_the_elbo_is_below_log_p_and_its_exponential_has_p_as_mean(x):
    """All nine states, p by integration over cells. Kills: a bound that is none, a lost volume."""
    model = copula(x)
    p = exact(model)
    assert_close(p.sum(), torch.tensor(1.0), atol=1e-7, rtol=0)
    draws = model.elbo(states(K, D).repeat(20_000, 1), generator=seeded(3)).view(20_000, -1)
    for index in range(K**D):
        chance = p[index].item()
        assert_mean(draws[:, index].exp(), chance, detects=0.25 * chance)
    gap = p.log() - draws.mean(0)
    assert (gap > -0.01).all()
    assert gap.max() > 0.02, "vacuous: the bound is tight"


@pytest.mark.equation("gaussianised-elbo")
def test_on_the_line_the_integral_over_the_noise_is_the_mass_of_the_cell(generator):
    """Quadrature over u against Φ of the cell's edges, f a mixture far from N(0, 1)."""
    density = GaussianMixture(2, dim=1, generator=generator)
    density.means.copy_(torch.tensor([[-1.0], [0.7]]))
    density.scale_tril.copy_(torch.tensor([[[0.5]], [[0.8]]]))
    pixels = Gaussianiser(dim=1, levels=K, smoothing=1)
    pixels.fit(torch.tensor([[0.0], [0], [1], [2], [2], [2]]))
    edges = norm.ppf([0, 3 / 9, 5 / 9, 1])
    u = ((torch.arange(20_000) + 0.5) / 20_000)[:, None]
    for level in range(K):
        z, log_volume = pixels.encode(level + u)
        integral = (density.log_prob(z) + log_volume).exp().mean().item()
        mass = sum(
            norm.cdf(edges[level + 1], m, s) - norm.cdf(edges[level], m, s)
            for m, s in [(-1, 0.5), (0.7, 0.8)]
        )
        assert integral == pytest.approx(mass / 2, abs=1e-4)


def test_a_copula_keeps_the_histograms_and_its_samples_follow_the_exact_law(x, generator):
    """Kills: samples not decoded through the histogram, levels of another pixel."""
    model = copula(x)
    p = exact(model).view(K, K)
    assert_close(p.sum(1), model.density.transform.histogram[0], atol=1e-7, rtol=0)
    assert_close(p.sum(0), model.density.transform.histogram[1], atol=1e-7, rtol=0)
    drawn = model.sample(70_000, generator=generator)
    assert_probs(state_index(drawn, K), p.flatten() / p.sum(), detects=0.05)
    first, second = model.density.transform.histogram
    independent = first[:, None] * second
    assert (p - independent).abs().sum() > 0.2, "vacuous: nothing hangs together"


class Listener(nn.Module):
    """A density that remembers what it was fitted to, or refuses it."""

    def fit(self, x):
        self.seen = x
        if len(x) < 50:
            raise ValueError("expected 50, got fewer")

    def log_prob(self, x):
        return x.sum(1)

    def sample(self, n, *, generator):
        return torch.randn(n, D, generator=generator)


def test_every_copy_has_its_own_noise_and_a_refused_fit_changes_nothing(x):
    """Kills: one noise for all copies, a histogram that a failed fit leaves behind."""
    listener = Listener()
    settings = {"dim": D, "levels": K, "smoothing": 0.5, "copies": 3, "generator": seeded(0)}
    model = Gaussianised(listener, **settings).fit(x)
    copies = listener.seen.view(3, len(x), D)
    assert torch.equal(model.density.transform.decode(listener.seen).long(), x.repeat(3, 1))
    assert (copies[0] != copies[1]).all()
    g = seeded(model.seed)  # the first copy, with all digits of its noise
    u = torch.rand(x.shape, generator=g)
    assert_close(copies[0], model.density.transform.encode(x + u)[0], rtol=1e-12, atol=1e-12)
    first = listener.seen
    assert torch.equal(model.fit(x).density.density.seen, first)
    before = model.density.transform.histogram.clone()
    with pytest.raises(ValueError, match="expected 50"):
        model.fit(x[:10])
    assert torch.equal(model.density.transform.histogram, before)


def test_correlated_normal_is_that_of_torch_and_numpy(generator):
    """Kills: covariances for correlations, shrinkage the wrong way, a log-determinant lost."""
    x = torch.randn(300, 3, generator=generator) @ torch.randn(3, 3, generator=generator) * 3 + 1
    model = CorrelatedNormal(dim=3, shrinkage=0.2).fit(x)
    correlation = 0.8 * torch.from_numpy(np.corrcoef(x.T.numpy())) + 0.2 * torch.eye(3)
    assert_close(model.scale_tril @ model.scale_tril.T, correlation)
    law = MultivariateNormal(torch.zeros(3), correlation)
    assert_close(model.log_prob(x), law.log_prob(x))
    drawn = model.sample(60_000, generator=generator)
    for direction in torch.randn(3, 3, generator=generator):
        std = (direction @ correlation @ direction).sqrt()
        assert_cdf(drawn @ direction / std, torch.special.ndtr, detects=0.03)


def test_what_cannot_be_fitted_is_refused(x, generator):
    still = torch.randn(9, 3, generator=generator)
    still[:, 1] = 4
    with pytest.raises(ValueError, match=r"columns that vary, got 1"):
        CorrelatedNormal(dim=3, shrinkage=0.5).fit(still)
    with pytest.raises(ValueError, match=r"linear dependence, got"):
        CorrelatedNormal(dim=3, shrinkage=0).fit(still[:2, [0, 2, 2]] * torch.tensor([1, 1, 2]))
    for wrong in ({"dim": 0}, {"smoothing": 0.0}, {"levels": 1}, {"copies": 0}, {"shrinkage": 1.0},
                  {"shrinkage": math.nan}):  # fmt: skip
        settings = {"dim": 2, "levels": 3, "smoothing": 1.0, "shrinkage": 0.1, "copies": 1}
        with pytest.raises(ValueError, match=r"expected.*got"):
            GaussianCopula(**(settings | wrong), generator=generator)
    with pytest.raises(ValueError, match="levels"):
        copula(x).elbo(torch.full((1, D), K), generator=generator)
    with pytest.raises(ValueError, match="NaN"):
        Gaussianiser(dim=1, levels=2, smoothing=1).decode(torch.tensor([[math.nan]]))
    for wrong in (-1e-9, 2.0):
        with pytest.raises(ValueError, match=r"y: expected 0 <= y < 2, got values from"):
            Gaussianiser(dim=1, levels=2, smoothing=1).encode(torch.tensor([[wrong]]))


def test_the_bound_is_the_weight(x):
    """Kills: a bound with noise of its own."""
    model, every = copula(x), states(K, D)
    weights = model.log_weight(every, generator=seeded(3))
    assert torch.equal(model.elbo(every, generator=seeded(3)), weights)


def test_nearly_dependent_columns_in_single_precision():
    """Kills: the triangular system in float32, where a root of 1e-3 divides rounding."""
    law = CorrelatedNormal(dim=6, shrinkage=0.0).float()
    weights = torch.randn(6, 6, generator=seeded(1)).tril()
    weights.diagonal().copy_(torch.tensor([1.0, 1.0, 1.0, 1.0, 1.0, 1e-4]))
    law.scale_tril.copy_(weights)
    root = law.scale_tril.double()
    x = (torch.randn(20, 6, generator=seeded(2)).double() @ root.T).float()
    expected = MultivariateNormal(torch.zeros(6), scale_tril=root).log_prob(x.double())
    assert_close(law.log_prob(x).double(), expected, rtol=1e-6, atol=0)
