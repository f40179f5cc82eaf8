"""Probabilistic PCA: density, posterior, maximum of the likelihood, EM, missing entries."""

import math

import mpmath
import pytest
import torch
from torch.distributions import MultivariateNormal
from torch.testing import assert_close

from coursepkg.models.autoencoders.pca import PCA, principal_angles, principal_axes
from coursepkg.models.autoencoders.ppca import PPCA, em_step
from coursepkg.rng import seeded
from tests.coursepkg.models.autoencoders.truth import D, M, cloud, covariance
from tests.statistics import assert_mean


def made(*, variance: float = 0.3, components: int = M, seed: int = 0) -> PPCA:
    generator = seeded(seed)
    return PPCA(components, dim=D).set(
        mean=torch.randn(D, generator=generator),
        G=torch.randn(D, components, generator=generator),
        variance=variance,
    )


def marginal(model: PPCA) -> torch.Tensor:
    """Σ = G Gᵀ + σ² I, (D, D), entry by entry."""
    S = torch.zeros(D, D)
    for i in range(D):
        for j in range(D):
            S[i, j] = sum(model.G[i] * model.G[j]) + (model.variance if i == j else 0)
    return S


@pytest.mark.equation("ppca-log-likelihood")
@pytest.mark.parametrize("components", [1, 2, 4])
@pytest.mark.parametrize("variance", [1e-4, 0.3, 4.0])
def test_log_prob_is_that_of_the_full_gaussian(components, variance):
    """Kills: D for D - M, a determinant halved, σ² for its root, a sign of the correction."""
    model, x = made(components=components, variance=variance), cloud(7)
    expected = MultivariateNormal(model.mean, marginal(model)).log_prob(x)
    assert_close(model.log_prob(x), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.equation("ppca-density")
def test_draws_have_the_mean_and_the_covariance_of_the_formula():
    """False-failure rate 1e-6 a moment. Kills: σ² for σ, G transposed, noise shared by pixels."""
    model = made()
    x = model.sample(60_000, generator=seeded(1))
    away, S = x - model.mean, marginal(model)
    for i in range(D):
        assert_mean(x[:, i], model.mean[i].item(), detects=0.1)
        for j in range(i + 1):
            assert_mean(away[:, i] * away[:, j], S[i, j].item(), detects=0.3)
    assert S[0, 1].abs() > 0.4, "vacuous: independent pixels"


@pytest.mark.equation("ppca-posterior")
@pytest.mark.parametrize("variance", [0.01, 0.3, 4.0])
def test_the_posterior_is_the_conditional_of_the_joint_gaussian(variance):
    """By the blocks of the joint covariance. Kills: σ² left out, the prior left out, transposes."""
    model, x = made(variance=variance), cloud(6)
    S = marginal(model)
    gain = model.G.T @ torch.linalg.inv(S)  # cov(z, x) cov(x)⁻¹
    mean, covariance_z = model.posterior(x)
    assert_close(mean, (x - model.mean) @ gain.T, atol=1e-9, rtol=0)
    assert_close(covariance_z, torch.eye(M) - gain @ model.G, atol=1e-9, rtol=0)


@pytest.mark.equation("ppca-posterior")
def test_bayes_holds_at_every_code():
    """log p(z) + log p(x | z) - log p(z | x) is log p(x), whatever z is."""
    model, x = made(), cloud(6)
    mean, covariance_z = model.posterior(x)
    for z in torch.randn(4, 6, M, generator=seeded(2)):
        joint = MultivariateNormal(torch.zeros(M), torch.eye(M)).log_prob(z)
        noise = torch.eye(D) * model.variance
        joint = joint + MultivariateNormal(z @ model.G.T + model.mean, noise).log_prob(x)
        behind = MultivariateNormal(mean, covariance_z).log_prob(z)
        assert_close(joint - behind, model.log_prob(x), rtol=1e-9, atol=1e-9)


@pytest.mark.equation("ppca-maximum")
@pytest.mark.parametrize("components", [1, 2, 4])
def test_fit_is_the_maximum_of_the_likelihood(components):
    """The gradient vanishes, and no step away gains.

    Kills: λ - σ² without the root, M + 1 axes, σ² a sum or divided by D, another divisor.
    """
    x = cloud()
    model = PPCA(components, dim=D)
    assert model.fit(x) is model
    values = torch.linalg.eigvalsh(covariance(x)).flip(0)
    assert_close(model.variance, values[components:].mean())
    best = model.log_prob(x).mean()
    G, mean, log_variance = (
        p.clone().requires_grad_() for p in (model.G, model.mean, model.variance.log())
    )
    S = G @ G.T + log_variance.exp() * torch.eye(D)
    MultivariateNormal(mean, S).log_prob(x).mean().backward()
    for p in (G, mean, log_variance):
        assert p.grad.abs().max() < 1e-9
    generator = seeded(4)
    for size in (0.01, 0.1, 1.0):
        for _ in range(20):
            other = PPCA(components, dim=D).set(
                mean=model.mean + size * torch.randn(D, generator=generator),
                G=model.G + size * torch.randn(D, components, generator=generator),
                variance=model.variance.item() * math.exp(size),
            )
            assert other.log_prob(x).mean() < best


@pytest.mark.equation("ppca-maximum-value")
@pytest.mark.parametrize("components", [1, 2, 4])
def test_the_highest_likelihood_needs_the_eigenvalues_only(components):
    """Kills: λ of the axes left out one by one, D/2 forgotten."""
    x = cloud()
    lam = torch.linalg.eigvalsh(covariance(x)).flip(0)
    M, rest = components, lam[components:].mean()
    log_det = lam[:M].log().sum() + (D - M) * rest.log()
    expected = -(D * math.log(2 * math.pi) + log_det + D) / 2
    assert_close(PPCA(components, dim=D).fit(x).log_prob(x).mean(), expected)


@pytest.mark.equation("ppca-m-step")
def test_a_step_of_em_maximises_the_expected_log_joint():
    """By autograd, on a sum over examples.

    Kills: a posterior covariance left out or counted once, the old G in σ², divisor N.
    """
    x, model = cloud(50), made()
    model.mean.copy_(x.mean(0))
    mean, V = model.posterior(x)
    em_step(model, x)
    G, log_variance = model.G.clone().requires_grad_(), model.variance.log().requires_grad_()
    Q = 0
    for row, m in zip(x, mean, strict=True):  # E over q of log p(x | z)
        away = row - x.mean(0) - G @ m
        square = away @ away + torch.trace(G @ V @ G.T)
        Q = Q - D / 2 * log_variance - square / (2 * log_variance.exp())
    Q.backward()
    assert G.grad.abs().max() < 1e-9
    assert log_variance.grad.abs() < 1e-9
    assert_close(model.mean, x.mean(0))


def test_em_climbs_to_the_closed_form():
    """Every step gains, and the end is the closed form up to a rotation of the code."""
    x, model = cloud(), made()
    trace = []
    for _ in range(400):
        em_step(model, x)
        trace.append(model.log_prob(x).mean().item())
    closed = PPCA(M, dim=D).fit(x)
    assert (torch.tensor(trace).diff() > -1e-12).all()
    assert trace[-1] - trace[0] > 0.1, "vacuous: it starts there"
    assert_close(model.log_prob(x), closed.log_prob(x), atol=1e-6, rtol=0)
    assert_close(model.G @ model.G.T, closed.G @ closed.G.T, atol=1e-6, rtol=0)
    assert principal_angles(model.G, closed.G)[0] < 1e-6


@pytest.mark.equation("ppca-limit")
def test_without_noise_its_code_is_the_least_squares_code_of_pca():
    """Kills: a limit of 0; shrinkage that does not go away."""
    x = cloud()
    fitted, pca = PPCA(M, dim=D).fit(x), PCA(M, dim=D).fit(x)
    errors = []
    for variance in (1e-2, 1e-4, 1e-8):
        model = PPCA(M, dim=D).set(mean=fitted.mean, G=fitted.G, variance=variance)
        least_squares = (x - x.mean(0)) @ torch.linalg.pinv(fitted.G).T
        mean, V = model.posterior(x)
        errors.append((mean - least_squares).abs().max().item())
        assert V.abs().max() < 10 * variance
        rebuilt = mean @ fitted.G.T + fitted.mean
    assert errors[0] > 50 * errors[1] > 50 * errors[2]
    assert errors[2] < 1e-7
    assert_close(rebuilt, pca.reconstruct(x), atol=1e-6, rtol=0)


def test_a_small_variance_survives_single_precision():
    """Kills: a fit in single precision, whose mean is off by as much as x varies."""
    x = (cloud() * torch.tensor([1.0, 1.0, 1.0, 1.0, 1e-2]) + 1000).float()
    single = PPCA(4, dim=D).float().fit(x)
    assert single.G.dtype == torch.float32
    exact = torch.linalg.eigvalsh(covariance(x.double()))[0]
    assert_close(single.variance.double(), exact, rtol=1e-6, atol=0)


def test_an_axis_little_above_the_noise_survives_single_precision():
    """Kills: λ - σ² of numbers that were rounded to single precision before."""
    x = torch.cat([torch.eye(3), -torch.eye(3)]).float()
    x[:, 0] *= 1.0001
    single, double = PPCA(1, dim=3).float().fit(x), PPCA(1, dim=3).fit(x.double())
    assert 0 < double.G[0].abs() < 0.02, "vacuous: far above"
    assert_close(single.G.double(), double.G, rtol=1e-6, atol=1e-9)


def test_parameters_that_are_given_are_copied():
    G = torch.ones(D, M)
    model = PPCA(M, dim=D).set(mean=torch.zeros(D), G=G, variance=1.0)
    G.zero_()
    assert model.G.all()


STILL = torch.cat([cloud()[:, :3], torch.ones(400, 2)], dim=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PPCA(5, dim=5), r"components: expected 1\.\.4, got 5"),
        (lambda: PPCA(0, dim=5), r"components: expected 1\.\.4, got 0"),
        (lambda: PPCA(3, dim=5).fit(STILL), r"x: expected variance along 4 axes or more, got 3"),
        (lambda: PPCA(3, dim=5).fit(cloud(4)), r"x: expected variance along 4 axes or more, got 3"),
        (lambda: PPCA(1, dim=5).fit(torch.ones(9, 5)), r"along 2 axes or more, got 0"),
        (lambda: PPCA(2, dim=5).fit(cloud() / 0), r"x: expected finite"),
        (lambda: made(variance=0.0), r"variance: expected a finite number > 0, got 0\.0"),
        (lambda: made(variance=-1.0), r"variance: expected a finite number > 0, got -1\.0"),
        (lambda: made(variance=math.nan), r"variance: expected a finite number > 0, got nan"),
        (lambda: made().set(mean=torch.ones(4), G=torch.ones(5, 2), variance=1.0), r"mean: expec"),
        (lambda: made().set(mean=torch.ones(5), G=torch.ones(4, 2), variance=1.0), r"G, transpos"),
        (
            lambda: made().set(mean=torch.ones(5), G=torch.ones(5, 3), variance=1.0),
            r"G: expected 2",
        ),
        (lambda: made().set(mean=torch.ones(5), G=torch.ones(5, 2) / 0, variance=1.0), r"finite"),
        (lambda: made().log_prob(cloud(dim=4)), r"x: expected shape"),
        (lambda: made().posterior(cloud(dim=4)), r"x: expected shape"),
        (lambda: em_step(made(), torch.ones(9, 5)), r"variance: expected a finite number > 0"),
        (lambda: em_step(made(), cloud(dim=4)), r"x: expected shape"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize("variance", [1e-50, 1e300])
def test_a_variance_that_single_precision_does_not_have_is_refused(variance):
    """Kills: a number that is positive until stored, and log p NaN; a look in another precision."""
    model = PPCA(M, dim=D).float()
    with pytest.raises(ValueError, match="variance: expected a finite number > 0, got"):
        model.set(mean=torch.zeros(D), G=torch.ones(D, M), variance=variance)
    assert model.variance == 1
    assert not model.G.any()
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        double = PPCA(M, dim=D).double()
        double.set(mean=torch.zeros(D), G=torch.ones(D, M), variance=variance)
    finally:
        torch.set_default_dtype(default)
    assert double.variance.item() == variance


@pytest.mark.parametrize("x", [torch.ones(9, 5), torch.full((9, 5), 1e200)])
def test_a_step_that_fails_leaves_the_model_as_it_was(x):
    """Kills: μ set before the step may raise."""
    model = made()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises((ValueError, torch.linalg.LinAlgError)):
        em_step(model, x)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_step_uses_the_new_mean_for_its_codes():
    """From a wrong μ it goes where it goes from the right one. Kills: codes about the old mean."""
    one, two = made(), made()
    two.mean += 3
    x = cloud()
    one.mean.copy_(x.mean(0))
    em_step(one, x)
    em_step(two, x)
    for name, value in one.state_dict().items():
        assert_close(two.state_dict()[name], value)


def test_fewer_components_live_with_constant_features():
    """σ² is then shared by the directions that vary and those that do not."""
    model = PPCA(2, dim=5).fit(STILL)
    lam = principal_axes(STILL).variances
    assert_close(model.variance, lam[2] / 3)
    assert model.log_prob(STILL).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_little_noise_does_not_cancel(dtype):
    """In 50 digits. Kills: what the plane explains taken off the squares; a score in single."""
    model = PPCA(1, dim=3).to(dtype)
    model.set(mean=torch.zeros(3), G=torch.tensor([[1.0], [2.0], [3.0]]), variance=1e-12)
    x = torch.tensor([[1e3, 2e3, 3e3], [1.0, 2.0, 3.0 + 2.0**-14]], dtype=dtype)
    for row, log_p in zip(x.tolist(), model.log_prob(x).tolist(), strict=True):
        with mpmath.workdps(50):
            g, v = mpmath.matrix([1, 2, 3]), mpmath.matrix(row)
            S = g * g.T + mpmath.mpf(model.variance.item()) * mpmath.eye(3)
            square = (v.T * mpmath.lu_solve(S, v))[0]
            expected = -(square + mpmath.log(mpmath.det(S)) + 3 * mpmath.log(2 * mpmath.pi)) / 2
        assert log_p == pytest.approx(float(expected), rel=1e-5, abs=1e-5)


def test_em_of_single_precision_finds_little_noise():
    """σ = 1e-4 beside a spread of 10. Kills: the noise as a difference of squares, in single."""
    generator = seeded(0)
    z, eps = (torch.randn(400, d, generator=generator) for d in (1, 3))
    x = (10 * z @ torch.tensor([[1.0, 2.0, 3.0]]) + 1e-4 * eps).float()
    single, double = PPCA(1, dim=3).float(), PPCA(1, dim=3)
    for model in (single, double):
        model.set(mean=torch.zeros(3), G=torch.tensor([[1.0], [2.0], [2.5]]), variance=1.0)
        for _ in range(30):
            em_step(model, x.to(model.G))
    assert single.variance.item() == pytest.approx(double.variance.item(), rel=1e-3)


def test_a_posterior_of_little_noise_in_single_precision():
    """Columns nearly equal, σ = 1e-3. Kills: GᵀG + σ²I inverted in float32, and not formed well."""
    G = torch.tensor([[1.0, 1.0], [1.0, 1.001], [0.0, 0.001]]).float()
    model = PPCA(2, dim=3).float().set(mean=torch.ones(3).float(), G=G, variance=1e-6)
    x = torch.tensor([[2.0, 2.5, 1.1], [0.0, 0.1, 1.0]]).float()
    found = model.posterior(x)
    G, variance = G.double(), model.variance.double()
    precision = (G.T @ G + variance * torch.eye(2)) / variance
    expected = torch.linalg.solve(precision, G.T @ (x.double() - 1).T / variance).T
    assert found.mean.dtype == found.covariance.dtype == torch.float32
    assert_close(found.mean.double(), expected, rtol=1e-5, atol=0)
    assert_close(found.covariance.double(), precision.inverse(), rtol=1e-5, atol=0)
