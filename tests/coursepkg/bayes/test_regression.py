"""Regression against autograd, quadrature, joint Gaussians and scikit-learn."""

import itertools
import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import torch
from sklearn import linear_model
from torch.distributions import Laplace, MultivariateNormal, Normal

from coursepkg.bayes import regression
from coursepkg.bayes.regression import BayesianRegression, energy, l1, l2, lasso, loss, ridge

SIGMA, STRENGTH = 0.7, 1.5


@pytest.fixture
def fixed():
    """Numbers without a pattern; nothing here is a statistical test, so they never vary."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def X(fixed):
    """Twelve rows, four correlated columns: only correlation makes a second sweep necessary."""
    base = torch.randn(12, 4, generator=fixed)
    return base + 0.8 * base.roll(1, 1)


@pytest.fixture
def y(X, fixed):
    return X @ torch.tensor([1.0, 0.0, -2.0, 0.3]) + SIGMA * torch.randn(12, generator=fixed)


@pytest.fixture
def w(y, fixed):
    return torch.randn(4, generator=fixed)


def quadrature(low, high):
    """Gauss-Legendre nodes and weights on [low, 0] and [0, high]: |w| has its edge at zero."""
    node, weight = (torch.from_numpy(v) for v in np.polynomial.legendre.leggauss(200))
    sides = [(low / 2, low / 2, -low / 2), (high / 2, high / 2, high / 2)]
    nodes = torch.cat([centre + half * node for centre, half, _ in sides])
    return nodes, torch.cat([length * weight for *_, length in sides])


@pytest.mark.equation("gaussian-loss")
def test_loss_is_minus_the_log_likelihood(X, y, w):
    """Kills the sources' sign of the constant (errata 002, Gaussian energy), and a σ for σ²."""
    several = torch.stack([w, -w, torch.zeros(4)])
    for sigma in (0.1, SIGMA, 3.0):
        expected = -Normal(several @ X.T, sigma).log_prob(y).sum(1)
        torch.testing.assert_close(loss(several, X, y, sigma=sigma), expected)
        printed = loss(w, X, y, sigma=sigma) - len(y) * math.log(2 * math.pi * sigma**2)
        assert abs(printed - expected[0]) > 1


@pytest.mark.equation("noise-mle")
def test_loss_has_its_minimum_in_sigma_at_the_root_mean_square(X, y, w):
    """With the printed sign it has none: the printed loss falls for ever as σ grows."""
    sigma = torch.logspace(-1, 1, 2001).tolist()
    for n, weights in ((12, w), (12, ridge(X, y, penalty=1e-9)), (5, torch.zeros(4))):
        corrected = [loss(weights, X[:n], y[:n], sigma=s).item() for s in sigma]
        best = min(range(len(sigma)), key=corrected.__getitem__)
        residual = y[:n] - X[:n] @ weights
        assert sigma[best] == pytest.approx(residual.square().mean().sqrt().item(), rel=2e-3)
        printed = [
            c - n * math.log(2 * math.pi * s**2) for c, s in zip(corrected, sigma, strict=True)
        ]
        assert all(later < earlier for earlier, later in pairwise(printed))


@pytest.mark.equation("energy-posterior")
@pytest.mark.parametrize(
    ("regulariser", "prior", "log_normaliser"),
    [
        (l2, Normal(0.0, STRENGTH**-0.5), 0.5 * math.log(2 * math.pi / STRENGTH)),
        (l1, Laplace(0.0, 1 / STRENGTH), math.log(2 / STRENGTH)),
    ],
    ids=["gaussian", "laplace"],
)
def test_energy_is_minus_log_joint_up_to_the_prior_normaliser(
    X, y, w, regulariser, prior, log_normaliser
):
    """Kills: ‖w‖² without its half, and λ as a variance."""
    log_joint = Normal(X @ w, SIGMA).log_prob(y).sum() + prior.log_prob(w).sum()
    ours = energy(w, X, y, sigma=SIGMA, strength=STRENGTH, regulariser=regulariser)
    torch.testing.assert_close(ours + len(w) * log_normaliser, -log_joint)


def test_energy_of_a_batch_is_the_energy_of_each(X, y, fixed):
    w = torch.randn(3, 5, 4, generator=fixed)
    values = energy(w, X, y, sigma=SIGMA, strength=STRENGTH, regulariser=l1)
    one = energy(w[2, 1], X, y, sigma=SIGMA, strength=STRENGTH, regulariser=l1)
    torch.testing.assert_close(values[2, 1], one)
    assert values.shape == (3, 5)


@pytest.mark.equation("ridge-map")
@pytest.mark.parametrize(("sigma", "strength"), [(SIGMA, STRENGTH), (2.0, 0.03), (0.3, 40.0)])
@pytest.mark.parametrize("rows", [12, 3])
def test_gradient_of_the_energy_vanishes_at_the_ridge_solution(X, y, sigma, strength, rows):
    """Also with fewer rows than columns. Kills: λ for λσ², the factor 2 of a square."""
    X, y = X[:rows], y[:rows]
    w = ridge(X, y, penalty=strength * sigma**2).requires_grad_()
    value = energy(w, X, y, sigma=sigma, strength=strength, regulariser=l2)
    (gradient,) = torch.autograd.grad(value, w)
    torch.testing.assert_close(gradient, torch.zeros(4), atol=1e-9, rtol=0)
    assert w.detach().abs().max() > 0.1


def test_scikit_learns_alpha_is_the_penalty_for_ridge_and_the_penalty_over_n_for_lasso(X, y):
    penalty, n = 1.3, len(y)
    theirs = linear_model.Ridge(alpha=penalty, fit_intercept=False).fit(X.numpy(), y.numpy())
    torch.testing.assert_close(ridge(X, y, penalty=penalty), torch.from_numpy(theirs.coef_))
    theirs = linear_model.Lasso(alpha=penalty / n, fit_intercept=False, tol=1e-12, max_iter=10**5)
    theirs.fit(X.numpy(), y.numpy())
    torch.testing.assert_close(
        lasso(X, y, penalty=penalty), torch.from_numpy(theirs.coef_), atol=1e-7, rtol=0
    )
    assert (theirs.coef_ == 0).any(), "the penalty is too small to test a zero"


@pytest.mark.equation("ridge-shrinkage")
@pytest.mark.parametrize("rows", [12, 3])
@pytest.mark.parametrize("columns", [[0, 1, 2, 3], [0, 1, 1, 2]], ids=["all", "one twice"])
def test_ridge_path_shrinks_each_singular_direction_and_is_ridge_at_each_penalty(
    X, y, rows, columns
):
    """Direction by direction, as printed. Kills: s for s², the rows of V for its columns."""
    X, y = X[:rows, columns], y[:rows]
    U, s, Vt = torch.linalg.svd(X, full_matrices=False)
    s = s[s > 1e-9]
    penalties = torch.tensor([100.0, 1.0, 0.01])
    path = regression.ridge_path(X, y, penalties=penalties)
    for w, penalty in zip(path, penalties.tolist(), strict=True):
        printed = sum(
            s[j] ** 2 / (s[j] ** 2 + penalty) * (U[:, j] @ y) / s[j] * Vt[j] for j in range(len(s))
        )
        torch.testing.assert_close(w, printed)
        torch.testing.assert_close(w, ridge(X, y, penalty=penalty))


@pytest.mark.equation("lasso-coordinate")
def test_soft_threshold_is_the_minimum_of_its_energy():
    """Kills: the hard threshold, and a step away from zero."""
    w = torch.linspace(-3, 3, 60_001)
    for value in (-2.0, -0.3, 0.0, 0.4, 1.1):
        best = w[(0.5 * (w - value).square() + 0.5 * w.abs()).argmin()]
        ours = regression.soft_threshold(torch.tensor(value), 0.5)
        torch.testing.assert_close(ours, best, atol=1e-4, rtol=0)


@pytest.mark.equation("lasso-coordinate")
def test_one_sweep_minimises_the_energy_over_one_coordinate_after_another(X, y, w):
    """Kills: a residual that still holds x_j w_j, a forgotten ‖x_j‖², and old values of w."""
    penalty = 2.0
    slow = w.clone()
    for j in range(4):
        grid = slow.repeat(200_001, 1)
        grid[:, j] = torch.linspace(-5, 5, 200_001)
        energies = 0.5 * (y - grid @ X.T).square().sum(1) + penalty * grid.abs().sum(1)
        slow[j] = grid[energies.argmin(), j]
    fast, residual = w.clone(), y - X @ w
    regression.coordinate_sweep(fast, residual, X, penalty=penalty)
    torch.testing.assert_close(fast, slow, atol=2e-4, rtol=0)
    torch.testing.assert_close(residual, y - X @ fast)
    assert (fast - w).abs().min() > 0.01, "a coordinate that does not move tests nothing"


@pytest.mark.equation("lasso-optimality")
@pytest.mark.parametrize("penalty", [0.01, 1.0, 10.0])
def test_lasso_meets_the_conditions_of_its_minimum(X, y, penalty):
    """Kills: a loop that stops after the first sweep."""
    w = lasso(X, y, penalty=penalty, tolerance=1e-13)
    correlation = X.T @ (y - X @ w)
    active = w != 0
    torch.testing.assert_close(correlation[active], penalty * w[active].sign(), atol=1e-8, rtol=0)
    assert (correlation[~active].abs() <= penalty).all()
    assert active.any()


@pytest.mark.equation("lasso-optimality")
@pytest.mark.parametrize("penalty", [0.3, 3.0, 15.0])
def test_only_the_minimum_meets_the_conditions(X, y, penalty):
    """All 3⁴ patterns of signs: one alone meets them. Kills: λ for λσ² on the active weights."""
    found = []
    for pattern in itertools.product((-1.0, 0.0, 1.0), repeat=4):
        sign = torch.tensor(pattern)
        active, w = sign != 0, torch.zeros(4)
        A = X[:, active]
        w[active] = torch.linalg.solve(A.T @ A, A.T @ y - penalty * sign[active])
        correlation = X.T @ (y - X @ w)
        if torch.equal(w.sign(), sign) and (correlation[~active].abs() <= penalty).all():
            found.append(w)
    (best,) = found
    torch.testing.assert_close(lasso(X, y, penalty=penalty, tolerance=1e-13), best)
    near = best + 1e-2 * torch.cat([torch.eye(4), -torch.eye(4), torch.ones(1, 4)])
    height = {
        name: energy(w, X, y, sigma=1.0, strength=penalty, regulariser=l1)
        for name, w in (("best", best), ("near", near))
    }
    assert (height["near"] > height["best"]).all()


@pytest.mark.equation("lasso-all-zero")
def test_all_weights_are_zero_from_the_largest_correlation_on():
    X = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, -3.0]])
    y = torch.tensor([1.0, 2.0, 1.0])  # Xᵀy = (3, -1)
    for sign in (1, -1):
        assert lasso(X, sign * y, penalty=3.0).tolist() == [0, 0]
        assert lasso(X, sign * y, penalty=2.99)[0] != 0


@pytest.mark.equation("lasso-all-zero")
def test_the_penalty_that_removes_all_weights_of_any_data(generator):
    """Kills: correlations without their size, a sum for the largest."""
    for _ in range(20):
        X = torch.randn(8, 5, generator=generator)
        y = torch.randn(8, generator=generator)
        largest = (X.T @ y).abs().max().item()
        assert (lasso(X, y, penalty=1.0001 * largest) == 0).all()
        assert (lasso(X, y, penalty=0.999 * largest) != 0).sum() == 1


def test_each_sweep_leaves_rho_squared_of_the_error_of_two_columns():
    """The chapter's rate. Kills: a sweep over old values of w, which leaves ρ."""
    rho = 0.8
    X = torch.tensor([[1.0, rho], [0.0, math.sqrt(1 - rho**2)]])
    y = X @ torch.tensor([3.0, 2.0])
    end = lasso(X, y, penalty=0.1, tolerance=1e-14)
    assert (end > 0).all()
    w = torch.zeros(2)
    residual, errors = y.clone(), []
    for _ in range(6):
        regression.coordinate_sweep(w, residual, X, penalty=0.1)
        errors.append((w - end).abs())
    for before, after in pairwise(errors):
        torch.testing.assert_close(after, rho**2 * before, rtol=1e-6, atol=1e-12)


def test_lasso_path_is_scikit_learns(X, y):
    penalties = torch.logspace(1.3, -2, 15)
    path = regression.lasso_path(X, y, penalties=penalties)
    _, theirs, _ = linear_model.lasso_path(
        X.numpy(), y.numpy(), alphas=penalties.numpy() / len(y), tol=1e-12, max_iter=10**5
    )
    torch.testing.assert_close(path, torch.from_numpy(theirs.T.copy()), atol=1e-6, rtol=0)
    assert (path == 0).any()
    assert path[-1].abs().min() > 0


def test_a_column_of_zeros_gets_no_weight(X, y):
    X[:, 1] = 0
    assert lasso(X, y, penalty=0.5)[1] == 0


def test_lasso_says_when_it_has_not_converged(X, y):
    with pytest.raises(RuntimeError, match="within 2 sweeps"):
        lasso(X, y, penalty=0.1, max_sweeps=2)


def test_lasso_does_not_change_its_start(X, y, w):
    before = w.clone()
    lasso(X, y, penalty=0.1, start=w)
    assert torch.equal(w, before)


# ------------------------------------------------------------------ Bayesian regression
def joint_law(model, X):
    """(w, y) is jointly Gaussian: means 0, and the covariances of y = X w + ε."""
    N, M = X.shape
    S_ww = torch.eye(M) / model.strength
    return S_ww, S_ww @ X.T, X @ S_ww @ X.T + model.sigma**2 * torch.eye(N)


@pytest.fixture(params=[(SIGMA, STRENGTH), (2.0, 0.03), (0.3, 40.0)])
def model(request):
    return BayesianRegression(*request.param)


@pytest.mark.equation("regression-posterior")
@pytest.mark.parametrize("rows", [12, 3])
def test_posterior_conditions_the_joint_gaussian(model, X, y, rows):
    """Kills: σ for σ², and λ left out of the precision."""
    X, y = X[:rows], y[:rows]
    S_ww, S_wy, S_yy = joint_law(model, X)
    posterior = model.posterior(X, y)
    gain = S_wy @ torch.linalg.inv(S_yy)
    torch.testing.assert_close(posterior.mean, gain @ y)
    torch.testing.assert_close(posterior.covariance_matrix, S_ww - gain @ S_wy.T)
    torch.testing.assert_close(posterior.mean, ridge(X, y, penalty=model.strength * model.sigma**2))


@pytest.mark.equation("regression-evidence")
@pytest.mark.parametrize("rows", [12, 3])
def test_evidence_is_the_density_of_y_with_w_integrated_out(model, X, y, rows):
    """Kills: the prior's normaliser left out; loss without its constant."""
    X, y = X[:rows], y[:rows]
    *_, S_yy = joint_law(model, X)
    expected = MultivariateNormal(torch.zeros(len(y)), S_yy).log_prob(y)
    torch.testing.assert_close(model.log_evidence(X, y), expected)
    posterior, M = model.posterior(X, y), X.shape[1]
    m, A = posterior.mean, posterior.precision_matrix
    price = model.strength / 2 * m @ m - M / 2 * math.log(model.strength) + A.logdet() / 2
    torch.testing.assert_close(-loss(m, X, y, sigma=model.sigma) - price, expected)


@pytest.mark.equation("energy-posterior")
def test_minus_log_posterior_is_the_energy_and_two_constants(model, X, y, w):
    """At any w, so that neither constant may depend on it."""
    several = torch.stack([w, torch.zeros(4), 3 * w, model.posterior(X, y).mean])
    log_z_prior = 2 * math.log(2 * math.pi / model.strength)  # M = 4 factors of a square root
    value = energy(several, X, y, sigma=model.sigma, strength=model.strength, regulariser=l2)
    total = value + log_z_prior + model.log_evidence(X, y)
    torch.testing.assert_close(-model.posterior(X, y).log_prob(several), total)


@pytest.mark.equation("energy-posterior")
@pytest.mark.parametrize("strength", [0.3, STRENGTH, 6.0])
def test_minus_log_posterior_under_a_laplace_prior_is_the_energy_and_two_constants(strength):
    """One weight, one datum of value 0.9, the posterior normalised by quadrature."""
    X, y = torch.ones(1, 1), torch.tensor([0.9])
    nodes, weights = quadrature(-12, 12)
    joint = Normal(nodes, SIGMA).log_prob(y) + Laplace(0, 1 / strength).log_prob(nodes)
    log_posterior = joint - (weights * joint.exp()).sum().log()
    value = energy(nodes[:, None], X, y, sigma=SIGMA, strength=strength, regulariser=l1)
    log_evidence = regression.laplace_log_evidence(y, sigma=SIGMA, strength=strength)
    total = value + math.log(2 / strength) + log_evidence
    torch.testing.assert_close(-log_posterior, total, rtol=1e-8, atol=1e-8)


@pytest.mark.equation("evidence-partition")
@pytest.mark.parametrize("strength", [0.6, STRENGTH, 5.0])
@pytest.mark.parametrize("regulariser", [l2, l1])
def test_evidence_is_the_integral_of_the_boltzmann_factor_over_that_of_the_prior(
    X, y, regulariser, strength
):
    """Two weights and a grid of quadrature points in the plane. Kills: a lost Z_R."""
    A = X[:, :2] if regulariser is l2 else torch.linalg.qr(X[:, :2])[0]
    nodes, weights = quadrature(-30, 30)
    w = torch.cartesian_prod(nodes, nodes)
    log_volume = torch.cartesian_prod(weights, weights).prod(1).log()
    E = energy(w, A, y, sigma=SIGMA, strength=strength, regulariser=regulariser)
    log_Z_R = torch.logsumexp(log_volume - strength * regulariser(w), 0)
    by_quadrature = torch.logsumexp(log_volume - E, 0) - log_Z_R
    if regulariser is l2:
        closed = BayesianRegression(SIGMA, strength).log_evidence(A, y)
    else:
        inside = A.T @ y
        outside = y.square().sum() - inside.square().sum()
        closed = regression.laplace_log_evidence(inside, sigma=SIGMA, strength=strength)
        closed += -outside / (2 * SIGMA**2) - 5 * math.log(2 * math.pi * SIGMA**2)  # N - M = 10
    assert closed.item() == pytest.approx(by_quadrature.item(), rel=1e-6)


@pytest.mark.equation("regression-predictive")
def test_predictive_is_the_ratio_of_two_evidences(model, X, y, w):
    """p(y_new | D) = p(D, y_new) / p(D). Kills: a variance without σ², or without w's."""
    X_new = torch.stack([w, 5 * w.flip(0), torch.zeros(4)])
    for rows in (12, 3):
        data = X[:rows], y[:rows]
        new = model.predictive(*data, X_new=X_new)
        for y_new in (-2.0, 0.0, 3.0):
            both = [
                model.log_evidence(torch.cat([data[0], x[None]]), torch.cat([data[1], last]))
                for x, last in zip(X_new, torch.full((3, 1), y_new), strict=True)
            ]
            ratio = torch.stack(both) - model.log_evidence(*data)
            torch.testing.assert_close(new.log_prob(torch.tensor(y_new)), ratio)


@pytest.mark.equation("evidence-fixed-point")
@pytest.mark.parametrize(("columns", "unit"), [(4, 1.0), (3, 20.0), (4, 0.1)])
def test_evidence_is_stationary_where_the_fixed_point_settles(X, y, columns, unit):
    """Kills: N in place of N - γ. Also the value of scikit-learn's BayesianRidge."""
    X, y = X[:, :columns], unit * y
    best = regression.maximise_evidence(X, y)
    m, s = best.posterior(X, y).mean, torch.linalg.svdvals(X)
    gamma = (s**2 / (s**2 + best.strength * best.sigma**2)).sum().item()
    assert 1 < gamma < columns
    assert best.strength == pytest.approx(gamma / (m @ m).item(), rel=1e-8)
    squares = (y - X @ m).square().sum().item()
    assert best.sigma**2 == pytest.approx(squares / (12 - gamma), rel=1e-8)
    top = best.log_evidence(X, y).item()
    for d in (0.97, 1.03):
        assert BayesianRegression(d * best.sigma, best.strength).log_evidence(X, y) < top
        assert BayesianRegression(best.sigma, d * best.strength).log_evidence(X, y) < top
    h = 1e-5
    for i in range(2):
        up, down = ([best.sigma, best.strength] for _ in range(2))
        up[i] *= 1 + h
        down[i] *= 1 - h
        slope = BayesianRegression(*up).log_evidence(X, y) - BayesianRegression(*down).log_evidence(
            X, y
        )
        assert abs(slope.item() / (2 * h)) < 1e-5
    peer = linear_model.BayesianRidge(
        alpha_1=0, alpha_2=0, lambda_1=0, lambda_2=0, tol=1e-12, max_iter=5000,
        fit_intercept=False, compute_score=True,
    ).fit(X.numpy(), y.numpy())  # fmt: skip
    assert best.sigma == pytest.approx(peer.alpha_**-0.5, rel=1e-6)
    assert best.strength == pytest.approx(peer.lambda_, rel=1e-6)
    assert top == pytest.approx(peer.scores_[-1], rel=1e-6)


def test_fixed_point_without_a_signal_says_so(X):
    """y at a right angle to the columns: the best prior has no width at all."""
    Q, _ = torch.linalg.qr(X, mode="complete")
    with pytest.raises(RuntimeError, match="expected convergence"):
        regression.maximise_evidence(X, Q[:, -1], max_steps=50)


@pytest.mark.equation("laplace-evidence")
@pytest.mark.parametrize("sigma", [0.4, SIGMA, 1.3])
@pytest.mark.parametrize("strength", [0.1, 1.0, 8.0])
def test_laplace_evidence_is_the_integral_over_the_weight(strength, sigma):
    """Kills errata 002 L95: without log(λ/2) the number is no density and its best λ is zero."""
    w, weights = quadrature(-12, 12)
    integrals = []
    for y in (-3.0, 0.0, 0.4):
        log_joint = Normal(w, sigma).log_prob(torch.tensor(y)) + Laplace(0, 1 / strength).log_prob(
            w
        )
        integrals.append((weights * log_joint.exp()).sum().item())
        ours = regression.laplace_log_evidence(torch.tensor([y]), sigma=sigma, strength=strength)
        assert ours.exp().item() == pytest.approx(integrals[-1], rel=1e-9)
    y = torch.tensor([-3.0, 0.0, 0.4])
    ours = regression.laplace_log_evidence(y, sigma=sigma, strength=strength)
    assert ours.exp().item() == pytest.approx(math.prod(integrals), rel=1e-9)


def test_without_the_normaliser_the_strength_always_runs_to_zero(fixed):
    """The printed form falls with λ whatever the data; the corrected one has its top inside."""
    y = torch.cat([torch.zeros(15), torch.tensor([4.0, -5.0])]) + torch.randn(17, generator=fixed)
    strengths = torch.logspace(-3, 2, 100).tolist()
    corrected = torch.stack([
        regression.laplace_log_evidence(y, sigma=1.0, strength=s) for s in strengths
    ])
    printed = corrected - len(y) * torch.tensor(strengths).div(2).log()
    assert (printed.diff() < 0).all()
    assert 0 < corrected.argmax() < len(strengths) - 1


def test_laplace_evidence_far_out_is_finite():
    y = torch.tensor([1e3, -1e3])
    assert regression.laplace_log_evidence(y, sigma=0.1, strength=50.0).isfinite()


def powers(dtype):
    """Powers 0..7 of numbers up to 10, and their sine: a condition of 1e7, of X'X 1e14."""
    u = torch.linspace(0, 10, 30, dtype=torch.float32)
    X, y = torch.stack([u**k for k in range(8)], 1), u.sin()
    return X.to(dtype), y.to(dtype)


def exact(X, y, *, penalty, sigma=1.0):
    """Ridge's w and log p(y), the prior's strength penalty / σ², in 60 digits."""
    with mpmath.workdps(60):
        X, y = mpmath.matrix(X.tolist()), mpmath.matrix(y.tolist())
        strength = penalty / mpmath.mpf(sigma) ** 2
        w = mpmath.lu_solve(X.T * X + penalty * mpmath.eye(X.cols), X.T * y)
        C = sigma**2 * mpmath.eye(X.rows) + X * X.T / strength
        square = (y.T * mpmath.lu_solve(C, y))[0] + X.rows * mpmath.log(2 * mpmath.pi)
        log_p = -(square + mpmath.log(mpmath.det(C))) / 2
        return torch.tensor([float(v) for v in w]), float(log_p)


@pytest.mark.parametrize("unit", [1.0, 1e-20], ids=["powers", "small"])
@pytest.mark.parametrize("penalty", [0.01, 1e-6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_ill_conditioned_design_gives_what_sixty_digits_give(dtype, penalty, unit):
    """Kills: normal equations, sums in single precision, small rows above large ones."""
    X, y = powers(dtype)
    X = unit * X
    w, log_p = exact(X, y, penalty=penalty, sigma=0.1)
    close = 1e-6 if dtype == torch.float32 else 1e-9
    single = ridge(X, y, penalty=penalty)
    assert single.dtype == dtype
    assert (single - w).abs().max() <= close * w.abs().max()
    path = regression.ridge_path(X, y, penalties=torch.tensor([penalty]))[0]
    assert (path - w).abs().max() <= 1e-6 * w.abs().max()
    model = BayesianRegression(0.1, penalty / 0.01)
    assert model.log_evidence(X, y).item() == pytest.approx(log_p, rel=close)
    assert (model.posterior(X, y).mean - w).abs().max() <= close * w.abs().max()
    if unit == 1:
        new = model.predictive(X, y, X_new=X[3:5])
        fit = X.double() @ w
        torch.testing.assert_close(new.mean.double(), fit[3:5], atol=1e-4, rtol=0)
        assert ((new.stddev > 0.1) & (new.stddev < 0.15)).all()
        square = (y.double() - fit).square().sum().item()
        expected = square / 0.02 + 15 * math.log(2 * math.pi * 0.01)
        ours = loss(single, X, y, sigma=0.1).item()
        assert ours == pytest.approx(expected, rel=1e-2 if dtype == torch.float32 else 1e-8)


def test_evidence_of_single_precision_has_the_value_of_the_issue():
    X, y = powers(torch.float32)
    assert BayesianRegression(0.1, 1.0).log_evidence(X, y).item() == pytest.approx(-20.363027)


def test_loss_of_single_precision_does_not_cancel(fixed):
    """A thousand large terms that nearly cancel. Kills: X w summed in single precision."""
    X = torch.randn(50, 1000, generator=fixed, dtype=torch.float32)
    w = 1e4 * torch.randn(1000, generator=fixed, dtype=torch.float32)
    y = (X.double() @ w.double()).float()
    value = loss(w, X, y, sigma=0.01)
    truth = -Normal(X.double() @ w.double(), 0.01).log_prob(y.double()).sum()
    assert value.item() == pytest.approx(truth.item(), rel=1e-6)
    assert value.dtype == torch.float32


def test_lasso_of_single_precision_is_that_of_double(fixed):
    """Two nearly equal columns. Kills: a residual that is kept up to date in single precision."""
    X = torch.randn(40, 4, generator=fixed, dtype=torch.float32)
    X[:, 1] = X[:, 0] + 0.1 * X[:, 1]
    y = X.sum(1) + 1000 * X[:, 2]
    single = lasso(X, y, penalty=0.01, max_sweeps=100_000)
    double = lasso(X.double(), y.double(), penalty=0.01, max_sweeps=100_000)
    torch.testing.assert_close(single, double.float(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("unit", [1e-20, 1e-8, 1e8, 1e20])
def test_fixed_point_does_not_depend_on_the_units(X, y, unit):
    """Kills: a start at λ = 1, far from everything if X or y is small."""
    best = regression.maximise_evidence(X, y)
    of_X, of_y = (
        regression.maximise_evidence(unit * X, y),
        regression.maximise_evidence(X, unit * y),
    )
    assert of_X.sigma == pytest.approx(best.sigma, rel=1e-8)
    assert of_X.strength == pytest.approx(best.strength * unit**2, rel=1e-8)
    assert of_y.sigma == pytest.approx(best.sigma * unit, rel=1e-8)
    assert of_y.strength == pytest.approx(best.strength / unit**2, rel=1e-8)


def test_fixed_point_names_its_limits():
    """Kills: the root of a number below 0, 10,000 steps without a cause, a λ that settles alone."""
    X = torch.tensor([[6.0, -5.0], [-9.0, -9.0], [2.0, -2.0], [-4.0, 0.0]])
    y = 3 * X[:, 0] + X[:, 1]
    with pytest.raises(RuntimeError, match="σ → 0: a perfect fit"):
        regression.maximise_evidence(X, y)
    with pytest.raises(RuntimeError, match="σ → 0: a perfect fit"):  # as many rows as columns
        regression.maximise_evidence(
            torch.tensor([[1.0, 0.0], [0.0, 3.0]]), torch.tensor([1.0, 3.1])
        )
    with pytest.raises(RuntimeError, match="λ → ∞: no signal"):
        regression.maximise_evidence(torch.ones(2, 1), torch.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match="X: expected a number that is not 0"):
        regression.maximise_evidence(0 * X, y)
    with pytest.raises(ValueError, match="y: expected a number that is not 0"):
        regression.maximise_evidence(X, 0 * y)


@pytest.mark.parametrize("strength", [1e-3, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_laplace_evidence_does_not_cancel(strength, dtype):
    """In 60 digits. Kills: λ²σ²/2 beside a normal's tail that is its negative."""
    for value in (0.0, 1e-3, -3.0, 1e4):
        y = torch.tensor([value], dtype=dtype)
        with mpmath.workdps(60):
            a, b = mpmath.mpf(y.item()), mpmath.mpf(strength)
            sides = [
                mpmath.erfc((b - t) / mpmath.sqrt(2)) / 2 * mpmath.exp(-b * t) for t in (a, -a)
            ]
            expected = float(mpmath.log(b / 2 * sum(sides)) + b**2 / 2)
        ours = regression.laplace_log_evidence(y, sigma=1.0, strength=strength)
        assert ours.item() == pytest.approx(expected, rel=1e-6 if dtype == torch.float32 else 1e-12)


def test_float32_in_float32_out(model, X, y):
    """Kills: a tolerance that float32 cannot reach, so that iterations never end."""
    single = X.float(), y.float()
    for penalty in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0):
        w = lasso(*single, penalty=penalty, max_sweeps=1000)
        torch.testing.assert_close(w.double(), lasso(X, y, penalty=penalty), atol=1e-4, rtol=1e-4)
        assert w.dtype == ridge(*single, penalty=penalty).dtype == torch.float32
    assert model.log_evidence(*single).dtype == torch.float32
    best = regression.maximise_evidence(*single).strength
    assert best == pytest.approx(regression.maximise_evidence(X, y).strength, rel=1e-3)


def test_bad_input_is_refused_by_name(X, y):
    with pytest.raises(
        ValueError, match=r"expected shapes \(N, M\) and \(N,\), got \(12, 4\) and \(11,\)"
    ):
        ridge(X, y[1:], penalty=1.0)
    with pytest.raises(ValueError, match="penalty: expected a finite number > 0, got 0"):
        lasso(X, y, penalty=0.0)
    with pytest.raises(TypeError, match="floating-point"):
        ridge(X.long(), y, penalty=1.0)
    y[3] = math.nan
    with pytest.raises(ValueError, match="1 NaN"):
        BayesianRegression(1.0, 1.0).log_evidence(X, y)
    with pytest.raises(ValueError, match="sigma"):
        BayesianRegression(0.0, 1.0)
    with pytest.raises(ValueError, match="at least one example"):
        ridge(X[:0], y[:0], penalty=1.0)


def test_ridge_of_columns_in_unlike_units():
    """Powers 0..7 of 0..1000, in 60 digits. Kills: a rank that drops the columns below 1e5."""
    x = torch.linspace(0, 1000, 30)
    X, y = torch.stack([x**k for k in range(8)], dim=1), x.sin()
    with mpmath.workdps(60):
        A, b = mpmath.matrix(X.tolist()), mpmath.matrix(y.tolist())
        w = mpmath.lu_solve(A.T * A + mpmath.mpf(0.01) * mpmath.eye(8), A.T * b)
        expected = torch.tensor([float(each) for each in w])
    torch.testing.assert_close(ridge(X, y, penalty=0.01), expected, rtol=1e-6, atol=0)


def test_beliefs_that_single_precision_cannot_say_are_refused():
    """Kills: a deviation of 1e-50 that is 0 in float32, in torch's words."""
    X, y = torch.tensor([[1.0, 2.0], [2.0, 4.0]]).float(), torch.ones(2).float()
    for model in (BayesianRegression(1.0, 1e100), BayesianRegression(1e-60, 1.0)):
        with pytest.raises(ValueError, match="smallest_std: expected a finite number > 0"):
            model.posterior(X, y)


def test_weights_of_another_length_are_refused(X, y):
    """Kills: a product that torch refuses in its own words."""
    with pytest.raises(ValueError, match=r"^w: expected shape \(..., 4\), got \(3,\)"):
        loss(torch.zeros(3), X, y, sigma=1.0)


@pytest.mark.parametrize("penalty", [0.0, -1.0])
def test_penalties_of_a_path_are_above_zero(penalty):
    """Kills: a division by what rounding left of a singular value of 0."""
    X, y = torch.tensor([[1.0, 2.0], [2.0, 4.0]]), torch.ones(2)
    with pytest.raises(ValueError, match="penalties: expected numbers > 0"):
        regression.ridge_path(X, y, penalties=torch.tensor([1.0, penalty]))


def test_a_sweep_over_small_columns_in_single_precision():
    """One column: w = (x·y - penalty) / x·x in one step. Kills: x·x = 0 for 1e-25 in float32."""
    x, w = torch.tensor([[1.0], [2.0]]).float() * 1e-25, torch.zeros(1).float()
    residual = torch.tensor([1.0, 2.0]).float() * 1e-25
    regression.coordinate_sweep(w, residual, x, penalty=1e-51)
    assert w.item() == pytest.approx((5 - 0.1) / 5, rel=1e-5)
