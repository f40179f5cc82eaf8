import math

import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Peer
from torch.distributions import (
    Categorical,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    kl_divergence,
)
from torch.testing import assert_close

from coursepkg.data import toy
from coursepkg.models.mixtures.em import em, nearest_seed
from coursepkg.models.mixtures.gaussian import DiagonalGaussianMixture, GaussianMixture
from coursepkg.rng import seeded
from tests.statistics import assert_cdf

M, D = 3, 4
BOTH = pytest.mark.parametrize("kind", [GaussianMixture, DiagonalGaussianMixture])


@pytest.fixture
def x(generator):
    """Three overlapping clouds in four dimensions, stretched and turned."""
    centres = 2 * torch.randn(M, D, generator=generator)
    turn = torch.randn(D, D, generator=generator)
    z = torch.randint(M, (150,), generator=generator)
    return (centres[z] + torch.randn(150, D, generator=generator)) @ turn


def covariances(model):
    full = isinstance(model, GaussianMixture)
    return model.covariances if full else torch.diag_embed(model.variances)


@BOTH
@pytest.mark.equation("gaussian-mixture")
def test_log_prob_is_that_of_torch_distributions(kind, x, generator):
    """A peer. Kills: a log-determinant halved, lost or with the wrong sign, a weight left out."""
    model = kind(M, dim=D, steps=4, generator=generator).fit(x)
    law = MixtureSameFamily(
        Categorical(model.log_weights.exp()), MultivariateNormal(model.means, covariances(model))
    )
    points = torch.cat([x, 10 * x])
    assert_close(model.log_prob(points), law.log_prob(points))
    joint = model.log_weights + law.component_distribution.log_prob(x[:, None])
    assert_close(model.log_joint(x), joint)


@pytest.mark.equation("gaussian-m-step")
@pytest.mark.parametrize(
    ("kind", "shrinkage"),
    [(GaussianMixture, 0.0), (GaussianMixture, 7.0), (DiagonalGaussianMixture, 0.0)],
)
def test_the_m_step_is_the_weighted_mean_and_covariance_of_a_slow_loop(
    kind, shrinkage, x, generator
):
    """Kills: deviations from the old mean, division by N, the imaginary examples not counted."""
    model = kind(M, dim=D, generator=generator)
    pooled = torch.zeros(D, D)
    if shrinkage:
        model.shrinkage, model.pooled = shrinkage, 3 * x.T.cov()
        pooled = model.pooled
    r = torch.rand(len(x), M, generator=generator).softmax(1)
    model.m_step(x, r)
    for z in range(M):
        total = sum(r[n, z] for n in range(len(x)))
        mean = sum(r[n, z] * x[n] for n in range(len(x))) / total
        outer = [r[n, z] * torch.outer(x[n] - mean, x[n] - mean) for n in range(len(x))]
        covariance = (sum(outer) + shrinkage * pooled) / (total + shrinkage)
        if kind is DiagonalGaussianMixture:
            covariance = covariance.diagonal().diag()
        assert_close(model.log_weights[z].exp(), total / len(x))
        assert_close(model.means[z], mean)
        assert_close(covariances(model)[z], covariance)


@pytest.mark.equation("em-e-step")
@pytest.mark.equation("gaussian-m-step")
@pytest.mark.parametrize(
    ("kind", "name"), [(GaussianMixture, "full"), (DiagonalGaussianMixture, "diag")]
)
def test_seven_steps_agree_with_scikit_learn_number_for_number(kind, name, x, generator):
    """Kills: any slip in either step."""
    model = kind(M, dim=D, steps=1, tolerance=0, generator=generator).fit(x)
    precisions = torch.linalg.inv(covariances(model))
    peer = Peer(
        M, covariance_type=name, reg_covar=0, tol=0, max_iter=7, random_state=0,
        weights_init=model.log_weights.exp().numpy(), means_init=model.means.numpy(),
        precisions_init=(precisions if name == "full" else 1 / model.variances).numpy(),
    )  # fmt: skip
    start = model.means.clone()
    with pytest.warns(ConvergenceWarning):
        peer.fit(x.numpy())
    trace = em(model, x, steps=7)
    assert len(trace) == 7
    assert (model.means - start).abs().max() > 0.05, "vacuous: the means stood still"
    ours = covariances(model) if name == "full" else model.variances
    assert_close(model.log_weights.exp(), torch.from_numpy(peer.weights_))
    assert_close(model.means, torch.from_numpy(peer.means_))
    assert_close(ours, torch.from_numpy(peer.covariances_))
    assert_close(model.log_prob(x), torch.from_numpy(peer.score_samples(x.numpy())))
    assert_close(model.e_step(x), torch.from_numpy(peer.predict_proba(x.numpy())))


@pytest.mark.equation("gaussian-m-step")
@pytest.mark.parametrize("shrinkage", [0.0, 7.0])
def test_the_m_step_has_no_slope_left(shrinkage, x, generator):
    """Autograd of the objective at the M step's answer. Kills: the prior's strength or centre."""
    model = GaussianMixture(M, dim=D, shrinkage=shrinkage, steps=1, generator=generator).fit(x)
    r = torch.rand(len(x), M, generator=generator).softmax(1)
    model.m_step(x, r)

    def slope():
        parts = [model.means, model.scale_tril, logits]
        return torch.autograd.grad(
            model.lower_bound(x, r).sum() + model.log_prior(), parts
        )  # of scale_tril only the lower triangle is free

    def watch(shift):
        model.means = (model.means.detach() + shift).requires_grad_()
        model.scale_tril = (model.scale_tril.detach() + shift * torch.eye(D)).requires_grad_()
        free = (model.log_weights.detach() + shift * torch.eye(M)[0]).requires_grad_()
        model.log_weights = free.log_softmax(0)
        return free

    logits = watch(0.0)
    means, root, weights = slope()
    for gradient in (means, root.tril(), weights):
        assert_close(gradient, torch.zeros_like(gradient), atol=1e-8, rtol=0)
    logits = watch(0.1)
    means, root, weights = slope()
    for gradient in (means, root.tril(), weights):
        assert gradient.abs().max() > 0.5, "vacuous: no slope anywhere"


def test_the_prior_is_a_divergence_from_the_pooled_covariance(x, generator):
    """Kills: KL the other way round, a determinant left out, D forgotten."""
    model = GaussianMixture(M, dim=D, shrinkage=7, steps=2, generator=generator).fit(x)
    centre = MultivariateNormal(torch.zeros(D), model.pooled)
    expected = -7 * sum(
        kl_divergence(centre, MultivariateNormal(torch.zeros(D), s)) for s in model.covariances
    )
    assert_close(model.log_prior(), expected)
    assert expected < -1
    assert GaussianMixture(M, dim=D, generator=generator).fit(x).log_prior() == 0


def test_pooled_covariance_is_that_within_the_first_groups(x, generator):
    """A slow loop. Kills: about the mean of all, divided by something else than N."""
    model = GaussianMixture(M, dim=D, shrinkage=7, steps=2, generator=generator).fit(x)
    group = nearest_seed(x, M, generator=seeded(model.seed)).argmax(1)
    scatter = torch.zeros(D, D)
    for z in range(M):
        members = x[group == z]
        for row in members:
            scatter += torch.outer(row - members.mean(0), row - members.mean(0))
    assert_close(model.pooled, scatter / len(x))


@pytest.mark.parametrize("N", [30, 3])
def test_the_floor_gives_the_best_covariance_above_it(N, generator):
    """No Σ ⪰ floor · I has a higher bound. Kills: floor added to all, clamped diagonal."""
    x = torch.randn(N, 2, generator=generator) * torch.tensor([2.0, 0.1])
    x = x @ torch.tensor([[0.8, 0.6], [-0.6, 0.8]])
    model, r = GaussianMixture(1, dim=2, floor=0.5, generator=generator), torch.ones(N, 1)
    model.m_step(x, r)
    values = torch.linalg.eigvalsh(model.covariances[0])
    assert_close(values[0], torch.tensor(0.5))
    best = model.lower_bound(x, r).mean()
    for _ in range(300):
        free = torch.randn(2, 2, generator=generator) / 3
        values, vectors = torch.linalg.eigh(model.covariances[0] + (free + free.T) / 2)
        other = GaussianMixture(1, dim=2, floor=0.5, generator=generator)
        other.means.copy_(model.means)
        sigma = vectors @ values.clamp_min(0.5).diag() @ vectors.T
        other.scale_tril[0] = torch.linalg.cholesky(sigma)
        assert other.lower_bound(x, r).mean() <= best + 1e-12


def test_a_variance_below_the_floor_is_the_floor(generator):
    x = torch.randn(50, 2, generator=generator) * torch.tensor([2.0, 1e-5])
    model = DiagonalGaussianMixture(1, dim=2, floor=0.01, generator=generator).fit(x)
    assert_close(model.variances[0], torch.stack([x[:, 0].var(correction=0), torch.tensor(0.01)]))


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_examples_meet_the_floor_and_not_infinity(kind, dtype, generator):
    x = torch.full((20, 2), 1000.0, dtype=dtype)
    model = kind(2, dim=2, floor=1e-6, generator=generator).to(dtype).fit(x)
    at_peak = -math.log(2 * math.pi) - math.log(1e-6)
    assert_close(model.log_prob(x), torch.full((20,), at_peak, dtype=dtype), atol=1e-2, rtol=0)


@BOTH
def test_samples_project_to_the_known_law(kind, x, generator):
    """Kills: L for Lᵀ, variances for deviations, one component for all."""
    model = kind(M, dim=D, steps=4, generator=generator).fit(x)
    drawn = model.sample(60_000, generator=generator)
    for direction in torch.randn(3, D, generator=generator):
        means = model.means @ direction
        std = (covariances(model) @ direction @ direction).sqrt()

        def cdf(t, means=means, std=std):
            return Normal(means, std).cdf(t[:, None]) @ model.log_weights.exp()

        assert_cdf(drawn @ direction, cdf, detects=0.03)


def test_eight_hills_are_found(generator):
    """The truth is known: what EM finds cannot be far below it, and is above it on its own data."""
    law = toy.eight_gaussians()
    x, fresh = (law.sample(n, generator=generator) for n in (1000, 4000))
    model = GaussianMixture(8, dim=2, restarts=5, generator=generator).fit(x)
    nearest = torch.cdist(law.means, model.means).amin(1)
    assert nearest.max() < 0.4
    assert model.log_prob(x).mean() > law.log_prob(x).mean()
    assert law.log_prob(fresh).mean() - 0.05 < model.log_prob(fresh).mean()


@BOTH
@pytest.mark.parametrize(
    "wrong", [{"dim": 0}, {"floor": 0.0}, {"floor": -1.0}, {"floor": math.nan}]
)
def test_impossible_parameters_are_refused(kind, wrong):
    with pytest.raises(ValueError, match=r"expected.*got"):
        kind(2, **({"dim": 2, "generator": seeded(0)} | wrong))
    with pytest.raises(ValueError, match=r"shrinkage: expected.*got -1"):
        GaussianMixture(2, dim=2, shrinkage=-1, generator=seeded(0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shrinkage", [0.0, 2.0])
@pytest.mark.parametrize("scale", [1.0, 1e5, 1e12])
def test_points_on_a_line_get_the_floor_across_it(dtype, shrinkage, scale):
    """At any scale. Kills: a covariance that is formed again, and is not positive definite."""
    x = scale * torch.tensor([[0.0, 0.0], [1, 2], [2, 4], [3, 6]], dtype=dtype)
    model = GaussianMixture(1, dim=2, shrinkage=shrinkage, generator=seeded(0)).to(dtype)
    model.fit(x)
    root = model.scale_tril[0].double()
    assert (root.diagonal() > 0).all()
    along, across = (torch.linalg.svdvals(root) ** 2).tolist()
    assert along == pytest.approx(6.25 * scale**2, rel=1e-5)
    if scale < 1e12:
        assert root.det().square().item() / along == pytest.approx(1e-6, rel=1e-2)
        assert across == pytest.approx(1e-6, rel=0.3)
    assert model.trace.isfinite().all()
    if shrinkage == 0 and 1 < scale < 1e6:
        square = torch.tensor([9.0, 1, 1, 9]) / 5  # (t - 1.5)² / var t, with variance 5/4
        log_det = math.log(along) + math.log(1e-6)
        expected = -(square + log_det + 2 * math.log(2 * math.pi)) / 2
        if dtype == torch.float64:
            assert_close(model.log_prob(x), expected, rtol=1e-4, atol=0)
        assert model.log_prob(x).dtype == dtype


def test_moments_of_single_precision_far_from_zero():
    """About 1e4, a spread of 0.01 or so. Kills: a mean and a spread in single precision."""
    noise = torch.randn(500, 2, generator=seeded(0))
    x = (1e4 + 0.05 * noise).float()
    model = GaussianMixture(1, dim=2, generator=seeded(0)).float().fit(x)
    exact = torch.cov(x.double().T, correction=0)
    root = model.scale_tril[0].double()
    assert_close(root @ root.T, exact, rtol=1e-5, atol=1e-9)
    law = MultivariateNormal(model.means[0].double(), scale_tril=root)
    assert_close(model.log_prob(x).double(), law.log_prob(x.double()), rtol=1e-5, atol=1e-5)


def test_variances_that_single_precision_cannot_say_are_refused():
    """1e40 and 1e-50. Kills: infinite variances, and a floor that is 0, without a word."""
    x = 1e20 * torch.randn(10, 2, generator=seeded(0)).float()
    model = DiagonalGaussianMixture(1, dim=2, generator=seeded(0)).float()
    with pytest.raises(ValueError, match="largest_variance: expected a finite number, got inf"):
        model.fit(x)
    torch.set_default_dtype(torch.float32)
    try:
        with pytest.raises(ValueError, match="floor: expected a finite number > 0, got 0"):
            DiagonalGaussianMixture(1, dim=2, floor=1e-50, generator=seeded(0))
    finally:
        torch.set_default_dtype(torch.float64)


def test_covariances_that_single_precision_cannot_say():
    """1e40: log p without them, or a word. Kills: NaN with shrinkage, infinite covariances."""
    x = 1e20 * torch.randn(40, 2, generator=seeded(0)).float()
    model = GaussianMixture(1, dim=2, generator=seeded(0)).float().fit(x)
    assert model.log_prob(x).isfinite().all()
    with pytest.raises(ValueError, match="largest_variance: expected a finite number, got inf"):
        _ = model.covariances
    shrunk = GaussianMixture(1, dim=2, shrinkage=1.0, generator=seeded(0)).float()
    with pytest.raises(ValueError, match="largest_variance: expected a finite number, got inf"):
        shrunk.fit(x)
