# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: nbgrader,tags,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---
# grader: delete = coursepkg.samplers.transforms, coursepkg.samplers.weighting, coursepkg.samplers.finite, coursepkg.samplers.run, coursepkg.samplers.metropolis, coursepkg.samplers.gibbs, coursepkg.samplers.langevin, coursepkg.samplers.hmc, coursepkg.samplers.diagnostics, coursepkg.evaluation.importance
# grader: seconds = 140

# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 4: Sampling
#
# Six questions, 20 points, on [chapter 3](https://your-organisation.github.io/generative-models/notebooks/03_transformations.html)
# and [chapter 4](https://your-organisation.github.io/generative-models/notebooks/04_mcmc.html).
# Write your code in place of `raise NotImplementedError`. Below each question stands a test that you can run as often as
# you like, and an empty cell whose comment says what the hidden test looks at. Run the whole notebook from the top
# before you hand it in. The tests draw their numbers from `SEED`, and the grader has another one; five digits are enough.
#
# All logarithms are natural; the logarithm of zero is $-\infty$. Your functions get NumPy arrays, and so do the densities and scores that they are given. Return NumPy arrays, or
# what the docstring says. Whatever is random must come from the `generator` that your function is given. You may use NumPy, SciPy and PyTorch.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np
import torch
from scipy import stats

SEED = 0  # the tests draw their numbers from it; the grader has its own


def seeded(seed):
    """A torch.Generator that starts from `seed`."""
    return torch.Generator().manual_seed(seed)


def check(got, want, tolerance=1e-5):
    """The same shape and the same numbers; NaN is no number."""
    want = np.asarray(want, dtype=float)
    assert np.shape(got) == want.shape, f"shape {np.shape(got)}, expected {want.shape}"
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance, equal_nan=False)


def gap(draws, cdf):
    """The largest difference between the distribution function of the draws and this one."""
    x = np.sort(np.asarray(draws, dtype=float))
    assert np.isfinite(x).all(), "not all draws are finite"
    F, n = cdf(x), len(x)
    return max((np.arange(1, n + 1) / n - F).max(), (F - np.arange(n) / n).max())


def check_law(draws, cdf):
    """Independent draws from this law fail once in a million runs (Dvoretzky, Kiefer, Wolfowitz)."""
    off, n = gap(draws, cdf), len(draws)
    assert off < np.sqrt(np.log(2e6) / (2 * n)), f"the distribution functions differ by {off:.3f}"


def grid(m):
    """The midpoints of m² equal squares, (m², 2): numbers as uniform as can be, and not random."""
    u = (np.arange(m) + 0.5) / m
    return np.stack(np.meshgrid(u, u, indexing="ij"), -1).reshape(-1, 2)


def normal_density(x):
    """log p up to a constant, (C, D) -> (C,), of independent standard normal numbers."""
    return -0.5 * (x**2).sum(1)


def normal_score(x):
    """The gradient of `normal_density`, (C, D) -> (C, D)."""
    return -x


def ring_density(x):
    """log p up to a constant, (C, 2) -> (C,), of a law around a ring of radius 2."""
    r = np.sqrt((x**2).sum(1))
    return -4 * (r - 2) ** 2 + x[:, 0]


def ring_score(x):
    """The gradient of `ring_density`, (C, 2) -> (C, 2)."""
    r = np.sqrt((x**2).sum(1, keepdims=True))
    return -8 * (r - 2) * x / r + np.array([1.0, 0.0])


def gamma_density(x):
    """log p up to a constant, (C,) -> (C,), of the gamma law with shape 2.5 and rate 1.5."""
    return 1.5 * np.log(x) - 1.5 * x


def wedge_density(x):
    """log p up to a constant, (C,) -> (C,), of the density x / 2 between 0 and 2."""
    return np.where(x < 2, np.log(x), -np.inf)


def flat_density(x):
    """log p up to a constant, (C,) -> (C,), of p(x) = 1 / x on x > 0, which has no integral."""
    return -np.log(x)


# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. Heavy tails from two uniform numbers (3 points)
#
# Box and Muller made two normal numbers from two uniform ones, by way of polar coordinates. Do the same for the bivariate Student law
#
# $$ p(x_1, x_2) = \frac{1}{2\pi} \Bigl(1 + \frac{x_1^2 + x_2^2}{\nu}\Bigr)^{-\nu/2 - 1} . $$
#
# What is the distribution function of the radius, and what is its inverse? (For $\nu \to \infty$ you should find Box and Muller's formula again.) Mind that a uniform number can be 0, though not 1.
#
# *Trains: change of variables to polar coordinates; the inverse transform; logarithms and powers of 0.*


# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heavy_tails(u, nu):
    """Draws (n, 2) from the Student law above, row i from row i of u alone; all of them finite.

    u is (n, 2), uniform on [0, 1) and independent; nu > 0 is a number.
    """
    ### BEGIN SOLUTION
    # F(r) = 1 - (1 + r² / nu)^(-nu / 2), and 1 - u is never 0
    r = np.sqrt(nu * ((1 - u[:, 0]) ** (-2 / nu) - 1))
    angle = 2 * np.pi * u[:, 1]
    return np.stack([r * np.cos(angle), r * np.sin(angle)], 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# For ν = 2 a quarter of all draws lie within √(2/3) of the origin, half within √2 and three quarters within √6; and a
# quarter of each in every quadrant. The numbers u form a grid, in some order, so that the shares are not random.
u = np.random.default_rng([SEED, 0]).permutation(grid(100))
x = np.asarray(heavy_tails(u, 2.0), dtype=float)
assert x.shape == (10_000, 2), f"shape {x.shape}"
for share, square in ((0.25, 2 / 3), (0.5, 2), (0.75, 6)):
    inside = (x**2).sum(1) < square
    assert abs(inside.mean() - share) < 0.01, f"{inside.mean():.0%} within √{square:.2f}"
    for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        there = np.mean(inside & (x * signs > 0).all(1))
        assert abs(there - share / 4) < 0.01, f"{there:.0%} of them in the quadrant {signs}"

# %% nbgrader={"grade": true, "grade_id": "q1-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: another ν: the law of the radius, of the angle, and of both together; finite numbers when a u is 0; each row from its own u
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 1])
nu, u = rng.uniform(1, 5), grid(256)
x = np.asarray(heavy_tails(u, nu), dtype=float)
assert x.shape == u.shape
assert np.isfinite(x).all()
radius = 1 - (1 + (x**2).sum(1) / nu) ** (-nu / 2)
angle = np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi) + 0.5
for uniform in (radius, angle):
    assert np.abs(np.sort(uniform) - np.linspace(0, 1, len(u))).max() < 0.01
cells = np.histogram2d(radius, angle, bins=(4, 8), range=[(0, 1), (0, 1)])[0]
assert np.abs(cells / len(u) - 1 / 32).max() < 0.005
check(heavy_tails(u[::-1][:1000], nu), x[::-1][:1000])
corners = np.array([[0.0, 0.0], [0.0, 0.7], [0.7, 0.0]])
assert np.isfinite(np.asarray(heavy_tails(corners, nu))).all()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. Draws with weights (3 points)
#
# You have $n$ draws $x_i$ from $q$, and want the law $p = \tilde p / Z$, of which only $\tilde p$ is known. The weights $\tilde p(x_i) / q(x_i)$ turn the draws into a law on $n$ points.
# Report its mean and its covariance, an estimate of $\log Z$, and the effective sample size: how many draws of equal weight would be worth as much?
#
# *Trains: self-normalised importance sampling; where $n$ belongs; weights like $e^{-2000}$.*


# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def weigh(x, log_target, log_proposal):
    """A dict: "mean" (D,), "covariance" (D, D), and the floats "log_evidence" (of Z) and "ess".

    x is (n, D); log_target and log_proposal are log p̃(x_i) and log q(x_i), both (n,).
    log_target may be -inf, but not everywhere; log_proposal is finite.
    The covariance is that of the weighted points: correct no divisor.
    """
    ### BEGIN SOLUTION
    log_w = log_target - log_proposal
    top = log_w.max()
    w = np.exp(log_w - top)
    share = w / w.sum()
    mean = share @ x
    return {
        "mean": mean,
        "covariance": (share[:, None] * (x - mean)).T @ (x - mean),
        "log_evidence": float(top + np.log(w.mean())),
        "ess": float(1 / (share**2).sum()),
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two draws, at 0 and 1, with the weights 3 and 1: mean 1/4, variance 3/16, Z about 2, and 1.6 draws; and with other weights.
for one, two in ([3.0, 1.0], np.random.default_rng([SEED, 22]).uniform(1, 5, size=2)):
    result = weigh(np.array([[0.0], [1.0]]), np.log([0.2 * one, 0.2 * two]), np.log([0.2, 0.2]))
    share = two / (one + two)
    check(result["mean"], [share])
    check(result["covariance"], [[share * (1 - share)]])
    check(result["log_evidence"], np.log((one + two) / 2))
    check(result["ess"], 1 / (share**2 + (1 - share) ** 2))

# %% nbgrader={"grade": true, "grade_id": "q2-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: draws from a q that is not constant, in more than one dimension: all four numbers, against the sums written out
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 2])
n, D = 9, 3
x, log_p, log_q = rng.normal(size=(n, D)), rng.normal(size=n), rng.normal(size=n)
w = [np.exp(log_p[i]) / np.exp(log_q[i]) for i in range(n)]
mean = sum(w[i] * x[i] for i in range(n)) / sum(w)
covariance = sum(w[i] * np.outer(x[i] - mean, x[i] - mean) for i in range(n)) / sum(w)
result = weigh(x, log_p, log_q)
check(result["mean"], mean)
check(result["covariance"], covariance)
check(result["log_evidence"], np.log(sum(w) / n))
check(result["ess"], sum(w) ** 2 / sum(v**2 for v in w))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q2-far", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: weights that no floating-point number can hold, too small and too large, and draws where the target is zero
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 3])
n = 8
x, log_w = rng.normal(size=(n, 2)), rng.normal(size=n)
log_w[[2, 5]] = -np.inf
w = np.exp(log_w)
mean = (w[:, None] * x).sum(0) / w.sum()
covariance = np.einsum("n,nd,ne->de", w / w.sum(), x - mean, x - mean)
for shift in (-2000, 2000):
    log_q = rng.normal(size=n)
    result = weigh(x, log_w + log_q + shift, log_q)
    check(result["mean"], mean, tolerance=1e-7)
    check(result["covariance"], covariance, tolerance=1e-7)
    check(result["log_evidence"], np.log(w.mean()) + shift, tolerance=1e-7)
    check(result["ess"], w.sum() ** 2 / (w**2).sum(), tolerance=1e-7)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. What a chain's mean is worth (3 points)
#
# $C$ chains of the same kind, independent of one another, have each made $T$ draws.
#
# - Have they found the same law? Let $W$ be the mean of the chains' variances (each with the divisor $T - 1$) and $V$ the variance of the chains' means (divisor $C - 1$).
#   Then $\hat R = \sqrt{\hat\sigma^2 / W}$ with $\hat\sigma^2 = \frac{T - 1}{T} W + V$.
# - How many draws of a chain are worth one independent draw? Let $\gamma_k = \frac{1}{T} \sum_t (x_t - m)(x_{t+k} - m)$ with the chain's own mean $m$, the sum over all pairs that
#   there are, and then averaged over the chains. Take the autocorrelation at lag $k$ to be $\gamma_k / \gamma_0$ up to lag $K$, and 0 beyond, and $T$ so large that $T - k$ may be replaced by $T$. Derive $\tau$ from
#   the variance of a chain's mean, which is $\gamma_0 \tau / T$.
# - What is the standard error of the mean of all $T C$ draws, with $\gamma_0$ for the variance?
#
# *Trains: diagnostics that one can compute with a pencil; error bars of dependent draws.*


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose(x, lags):
    """A dict of the floats "r_hat", "tau" and "error"; x is (T, C) and `lags` is K, 1 <= K < T."""
    ### BEGIN SOLUTION
    T, C = x.shape
    W, V = x.var(0, ddof=1).mean(), x.mean(0).var(ddof=1)
    away = x - x.mean(0)
    gamma = np.array([(away[: T - k] * away[k:]).sum(0).mean() / T for k in range(lags + 1)])
    tau = 1 + 2 * gamma[1:].sum() / gamma[0]
    return {
        "r_hat": float(np.sqrt((T - 1) / T + V / W)),
        "tau": float(tau),
        "error": float(np.sqrt(gamma[0] * tau / (T * C))),
    }
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q3-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two short chains, one the mirror image of the other: T / 2 times the same number, and T / 2 times its opposite. Compute
# all three numbers with a pencil, first for T = 4 and the number 1.
rng = np.random.default_rng([SEED, 23])
for T, number in ((4, 1.0), (2 * int(rng.integers(3, 9)), rng.uniform(0.5, 3))):
    x = number * np.repeat([[1, -1], [-1, 1]], T // 2, axis=0)
    result = diagnose(x, 1)
    check(result["r_hat"], np.sqrt((T - 1) / T))
    check(result["tau"], 3 - 6 / T)
    check(result["error"], number * np.sqrt((3 - 6 / T) / (2 * T)))

# %% nbgrader={"grade": true, "grade_id": "q3-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: r_hat of chains that do not agree
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 4])
T, C = 30, 5
x = rng.normal(size=(T, C)) * rng.uniform(0.5, 2, size=C) + rng.normal(size=C)
means = [sum(x[t, c] for t in range(T)) / T for c in range(C)]
W = sum((x[t, c] - means[c]) ** 2 for t in range(T) for c in range(C)) / (T - 1) / C
V = sum((m - sum(means) / C) ** 2 for m in means) / (C - 1)
check(diagnose(x, 3)["r_hat"], np.sqrt(((T - 1) / T * W + V) / W))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q3-error", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: tau and error of chains with strong autocorrelation whose means differ, for several K
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 5])
T, C, x = 80, 3, np.zeros((80, 3))
for t in range(1, T):
    x[t] = 0.7 * x[t - 1] + rng.normal(size=C)
x = x + 2 * rng.normal(size=C)
for K in (1, 2, 4):
    gamma = np.zeros(K + 1)
    for k, c in np.ndindex(K + 1, C):
        m = x[:, c].mean()
        gamma[k] += sum((x[t, c] - m) * (x[t + k, c] - m) for t in range(T - k)) / T / C
    tau = sum(gamma[abs(k)] for k in range(-K, K + 1)) / gamma[0]
    result = diagnose(x, K)
    check(result["tau"], tau)
    check(result["error"], np.sqrt(gamma[0] * tau / (T * C)))
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. Drift, kick, drift (3 points)
#
# The leapfrog of chapter 4 kicks the momentum by half a step, drifts, and kicks again. Begin with the drift instead: one step is half a drift ($x$ moves by half a step along the momentum $r$), a
# whole kick ($r$ moves by a whole step along the score at the new $x$), and half a drift. All masses are 1. Follow such steps, and give the logarithm of the ratio with which
# Hamiltonian Monte Carlo would accept the end.
#
# *Trains: integrators that are reversible and keep volumes; the sign of an energy difference.*


# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def trajectory(log_density, score, x, momentum, step_size, steps):
    """A dict: "x" and "momentum" at the end, (C, D), and "log_ratio", (C,), which may exceed 0.

    x and momentum are (C, D), one chain a row; do not change them in place. log_density(x) is
    log p up to a constant, (C,), and score(x) its gradient, (C, D). step_size > 0, steps >= 1.
    """
    ### BEGIN SOLUTION
    start = log_density(x) - 0.5 * (momentum**2).sum(1)
    for _ in range(steps):
        x = x + 0.5 * step_size * momentum
        momentum = momentum + step_size * score(x)
        x = x + 0.5 * step_size * momentum
    end = log_density(x) - 0.5 * (momentum**2).sum(1)
    return {"x": x, "momentum": momentum, "log_ratio": end - start}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q4-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One step of size 1 on a standard normal, from rest at x = 1: no drift, a kick of -1, and half a drift. And from other places,
# with other sizes e: then the momentum becomes -e x.
rng = np.random.default_rng([SEED, 24])
for x, size in ((np.ones((1, 1)), 1.0), (rng.normal(size=(3, 1)), rng.uniform(0.5, 1.5))):
    result = trajectory(normal_density, normal_score, x, np.zeros(x.shape), size, 1)
    check(result["x"], x - size**2 * x / 2)
    check(result["momentum"], -size * x)
    check(result["log_ratio"], -(size**4) * x[:, 0] ** 2 / 8)

# %% nbgrader={"grade": true, "grade_id": "q4-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: several steps and chains on another law: where they end, and that they come back when the momentum is turned round
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 6])
x, r = rng.normal(size=(4, 2)) + 1.5, rng.normal(size=(4, 2))
size, steps = rng.uniform(0.1, 0.2), 7
want_x, want_r = x.copy(), r.copy()
for c in range(4):
    for _ in range(steps):
        middle = want_x[c] + size / 2 * want_r[c]
        want_r[c] = want_r[c] + size * ring_score(middle[None])[0]
        want_x[c] = middle + size / 2 * want_r[c]
there = trajectory(ring_density, ring_score, x, r, size, steps)
check(there["x"], want_x, tolerance=1e-7)
check(there["momentum"], want_r, tolerance=1e-7)
end, turned = (np.asarray(there[name], dtype=float) for name in ("x", "momentum"))
back = trajectory(ring_density, ring_score, end, -turned, size, steps)
check(back["x"], x, tolerance=1e-7)
check(back["momentum"], -r, tolerance=1e-7)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q4-ratio", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: log_ratio: both energies, with their signs, for chains that gain and that lose; a smaller step errs less, by the square
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 7])
x, r = rng.normal(size=(6, 2)) + 1.5, rng.normal(size=(6, 2))
errors = []
for size, steps in ((0.15, 4), (0.01, 60), (0.005, 120)):
    new_x, new_r = x, r
    for _ in range(steps):
        new_x = new_x + size / 2 * new_r
        new_r = new_r + size * ring_score(new_x)
        new_x = new_x + size / 2 * new_r
    energies = [-ring_density(a) + 0.5 * (b**2).sum(1) for a, b in ((x, r), (new_x, new_r))]
    got = trajectory(ring_density, ring_score, x, r, size, steps)["log_ratio"]
    check(got, energies[0] - energies[1], tolerance=1e-7)
    errors.append(np.abs(got).max())
assert 3.5 < errors[1] / errors[2] < 4.5
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. A walk on the positive numbers (4 points)
#
# A walk with steps that are proportional to where it is: from $x > 0$ propose $x' = x\, e^{s \xi}$ with $\xi \sim \mathcal{N}(0, 1)$, that is, from a log-normal law. To propose 2 from 1 and to propose 1 from 2 have
# different densities: the proposal is not symmetric. Accept or refuse it in the way of Metropolis and Hastings, so that the given law is invariant. What is left of the ratio of the proposal densities? Which of the two stands above?
#
# *Trains: the Hastings ratio, which only an asymmetric proposal puts to the test; what a chain records when it refuses.*


# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_walk(log_density, x, scale, steps, generator):
    """Where the chains are after 1, 2, ..., `steps` steps, an array (steps, C).

    x is (C,), positive: where the C chains start. They are independent of one another; advance
    them all at once, since there may be 50,000. log_density(x) is log p up to a constant,
    (C,) -> (C,), for x > 0; it may be -inf, but not at the start. scale is s > 0.
    """
    ### BEGIN SOLUTION
    path, log_p = [], log_density(x)
    for _ in range(steps):
        noise = torch.randn(len(x), generator=generator, dtype=torch.float64).numpy()
        u = torch.rand(len(x), generator=generator, dtype=torch.float64).numpy()
        x_new = x * np.exp(scale * noise)
        log_p_new = log_density(x_new)
        # q(x' | x) = N(log x'; log x, s²) / x', so q(x | x') / q(x' | x) = x' / x
        accept = np.log1p(-u) < log_p_new - log_p + scale * noise
        x, log_p = np.where(accept, x_new, x), np.where(accept, log_p_new, log_p)
        path.append(x)
    return np.stack(path)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q5-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# On p(x) = 1/x the logarithm makes a symmetric walk on a flat density: every proposal is accepted. Equal generators walk
# alike, others do not. And no walk leaves the interval from 0 to 2 if p is zero elsewhere.
rng = np.random.default_rng([SEED, 25])
scale, draw = rng.uniform(0.3, 0.7), int(rng.integers(2**31))
x, again, other = (
    np.asarray(log_walk(flat_density, np.ones(2_000), scale, 4, seeded(s)), dtype=float)
    for s in (draw, draw, draw + 1)
)
assert x.shape == (4, 2_000), f"shape {x.shape}"
check(again, x)
assert np.abs(other - x).max() > 1e-3, "another generator walks the same way"
stays = np.mean(np.diff(x, axis=0) == 0)
assert stays == 0, f"{stays:.0%} of the proposals were refused"
check_law(np.log(x[-1]), stats.norm(0, scale * np.sqrt(4)).cdf)
x = np.asarray(log_walk(wedge_density, np.ones(2_000), scale, 8, seeded(draw)), dtype=float)
assert (x < 2).all(), "a walk has left the interval"

# %% nbgrader={"grade": true, "grade_id": "q5-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: chains that start in the law stay in it, on two laws; and they accept as often, and step as far, as the ratio says
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 8])
C, scale = 50_000, rng.uniform(0.4, 0.7)
middle = (np.arange(500) + 0.5) / 500
for law, log_density in (
    (stats.gamma(2.5, scale=1 / 1.5), gamma_density),
    (stats.powerlaw(2, scale=2), wedge_density),
):
    start = law.ppf(rng.uniform(size=C))
    draw = int(rng.integers(2**31))
    x = np.asarray(log_walk(log_density, start, scale, 3, seeded(draw)), dtype=float)
    assert x.shape == (3, C)
    assert (x > 0).all()
    for row in x:
        check_law(row, law.cdf)
    here, jump = np.meshgrid(law.ppf(middle), scale * stats.norm.ppf(middle))
    log_ratio = log_density(here * np.exp(jump)) - log_density(here) + jump
    accepted = np.exp(np.minimum(log_ratio, 0)).mean(1)  # of each jump
    step = np.log(x / np.concatenate([start[None], x[:-1]]))
    moved = np.mean(np.abs(step) > 1e-6, axis=1)  # more than rounding
    bound = np.sqrt(np.log(2e8) / (2 * C)) + 0.002
    assert np.abs(moved - accepted.mean()).max() < bound
    for edge in range(50, 500, 50):  # steps that are made, and are shorter than this
        shorter = (step < scale * stats.norm.ppf(edge / 500)) & (np.abs(step) > 1e-6)
        assert np.abs(shorter.mean(1) - accepted[:edge].sum() / 500).max() < bound
    other = np.asarray(log_walk(log_density, start, scale, 3, seeded(draw + 1)), dtype=float)
    assert np.abs(other - x).max() > 1e-3
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q5-home", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: chains that start far away, on both sides, come home step by step
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 9])
law, start = stats.gamma(2.5, scale=1 / 1.5), np.repeat([1e-3, 40.0], 20_000)
x = np.asarray(log_walk(gamma_density, start, 1.0, 60, seeded(int(rng.integers(2**31)))))
assert x.shape == (60, 40_000)
near = np.abs(np.log(x[0] / start)) < 1  # a normal number is between -1 and 1, or was refused
assert near[:20_000].mean() > 0.66
assert near[20_000:].mean() > 0.66
for half in (x[-1][:20_000], x[-1][20_000:]):
    check_law(half, law.cdf)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q6-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. A posterior from few data (4 points)
#
# Measurements of men in a fitness club: how does the number of sit-ups, $y$, depend on the waist, $x$? With few men and some of them far from the others, take noise with heavy tails,
#
# $$ y_i = a + b x_i + \sigma \varepsilon_i , $$
#
# where the $\varepsilon_i$ are independent and have Student's distribution with 4 degrees of freedom. The prior: $a$ and $b$ are standard normal, and $\sigma > 0$ has the density $e^{-\sigma}$; all are independent.
# Draw $(a, b, \sigma)$ from the posterior with a sampler of your choice. If you let it walk in $\log \sigma$, remember what a density does when the coordinate changes.
#
# The hidden tests compare the mean and the standard deviation of $a$, of $b$ and of $\log \sigma$, their distribution functions, and the correlation of $a$ and $b$ with numerical integration. Each mean has to
# be right to a tenth of the standard deviation, each standard deviation to 15 %, a distribution function to 0.05 and the correlation to 0.1. For this you need some 4,000 *effective* draws: measure them, or be generous. All calls of the tests together may take twenty
# seconds on one core. Many chains at once are faster than one long chain.
#
# *Trains: a posterior from its parts; the Jacobian of a logarithm; burn-in, step sizes, and knowing when one has enough.*


# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(x, y, generator):
    """Draws of (a, b, σ), in these columns, as an array (n, 3) with n >= 1000.

    x and y are (N,), and N may be 0.
    """
    ### BEGIN SOLUTION

    def log_posterior(theta):
        a, b, s = theta.T  # s = log σ, and p(s) = p(σ) dσ/ds = p(σ) σ
        sigma = np.exp(s)
        z = (y - a[:, None] - b[:, None] * x) / sigma[:, None]
        log_lik = -2.5 * np.log1p(z**2 / 4).sum(1) - len(y) * s
        return log_lik - 0.5 * (a**2 + b**2) - sigma + s

    def noise(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).numpy()

    theta, draws = noise(1000, 3), []
    log_p = log_posterior(theta)
    for t in range(600):
        new = theta + (0.3, 1.0)[t % 2] * noise(1000, 3)  # small steps, and large ones
        log_p_new = log_posterior(new)
        u = torch.rand(1000, generator=generator, dtype=torch.float64).numpy()
        accept = np.log1p(-u) < log_p_new - log_p
        theta = np.where(accept[:, None], new, theta)
        log_p = np.where(accept, log_p_new, log_p)
        if t >= 200 and t % 10 == 0:
            draws.append(theta)
    a, b, s = np.concatenate(draws).T
    return np.stack([a, b, np.exp(s)], 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q6-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Without data the posterior is the prior. (In log σ its mean is minus Euler's constant, and its variance π²/6.)
none, draw = np.zeros(0), int(np.random.default_rng([SEED, 26]).integers(2**31))
theta, again, other = (
    np.asarray(sample_posterior(none, none, seeded(s)), dtype=float) for s in (draw, draw, draw + 1)
)
assert theta.ndim == 2, f"shape {theta.shape}"
assert theta.shape[1] == 3, f"shape {theta.shape}"
check(again, theta)
assert other.shape != theta.shape or np.abs(other - theta).max() > 1e-3, "one draw for all generators"
assert (theta[:, 2] > 0).all(), "σ is positive"
off = gap(theta[:, 2], stats.expon.cdf)
assert off < 0.05, f"the distribution function of σ is off by {off:.2f}"
a, b, s = theta[:, 0], theta[:, 1], np.log(theta[:, 2])
for name, z in (("a", a), ("b", b), ("log σ", (s + np.euler_gamma) / (np.pi / np.sqrt(6)))):
    assert abs(z.mean()) < 0.1, f"the mean of {name} is off by {z.mean():.2f} of its deviation"
    assert abs(z.std() - 1) < 0.15, f"the deviation of {name} is {z.std():.2f} of what it should be"

from sklearn.datasets import load_linnerud

club = load_linnerud()
situps, waist = stats.zscore(club.data[:, 1]), stats.zscore(club.target[:, 1])
a, b, s = np.asarray(sample_posterior(waist, situps, seeded(2))).T
print(f"of all twenty men: b = {b.mean():.2f} ± {b.std():.2f}, σ = {s.mean():.2f} ± {s.std():.2f}")

# %% nbgrader={"grade": true, "grade_id": "q6-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: sixteen of the men, and other columns of the table too: mean, standard deviation and distribution function of a and b, and their correlation
### BEGIN HIDDEN TESTS
from sklearn.datasets import load_linnerud

rng = np.random.default_rng([SEED, 10])
club, men = load_linnerud(), rng.permutation(20)[:16]
x = stats.zscore(club.target[men, rng.integers(2)]) + 1.5
y = stats.zscore(club.data[men, rng.integers(2)])
theta = np.asarray(sample_posterior(x, y, seeded(int(rng.integers(2**31)))), dtype=float)
assert theta.shape[1:] == (3,)
assert len(theta) >= 1000
assert np.isfinite(theta).all()
line = np.linspace(-3, 3, 61)
a, b, s = np.meshgrid(line, line, np.linspace(-3.5, 2.5, 61), indexing="ij")
log_p = -0.5 * (a**2 + b**2) - np.exp(s) + s
for i in range(16):
    log_p += stats.t(4).logpdf((y[i] - a - b * x[i]) * np.exp(-s)) - s
p = np.exp(log_p - log_p.max())
p = p / p.sum()
mean = np.array([(p * q).sum() for q in (a, b)])
away = np.stack([a - mean[0], b - mean[1]])
covariance = np.einsum("iabs,jabs,abs->ij", away, away, p)
deviation = np.sqrt(np.diag(covariance))
got = theta[:, :2]
assert (np.abs(got.mean(0) - mean) < 0.1 * deviation).all()
assert (np.abs(got.std(0) / deviation - 1) < 0.15).all()
assert abs(np.corrcoef(got.T)[0, 1] - covariance[0, 1] / deviation.prod()) < 0.1
for i in range(2):
    below = np.cumsum(p.sum((1 - i, 2)))
    assert gap(got[:, i], lambda z, below=below: np.interp(z, line + 0.05, below)) < 0.05
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q6-scale", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: eight of the men, and other columns of the table too: mean and standard deviation of log σ; one man: its distribution function
### BEGIN HIDDEN TESTS
from sklearn.datasets import load_linnerud

rng = np.random.default_rng([SEED, 11])
club, men = load_linnerud(), rng.permutation(20)[:8]
x = stats.zscore(club.target[men, rng.integers(2)])
y = stats.zscore(club.data[men, rng.integers(2)])
theta = np.asarray(sample_posterior(x, y, seeded(int(rng.integers(2**31)))), dtype=float)
assert theta.shape[1:] == (3,)
assert len(theta) >= 1000
assert (theta[:, 2] > 0).all()
a, b, s = np.meshgrid(*[np.linspace(-3, 3, 61)] * 2, np.linspace(-3.5, 2.5, 61), indexing="ij")
log_p = -0.5 * (a**2 + b**2) - np.exp(s) + s
for i in range(8):
    log_p += stats.t(4).logpdf((y[i] - a - b * x[i]) * np.exp(-s)) - s
p = np.exp(log_p - log_p.max())
p = p / p.sum()
got, mean = np.log(theta[:, 2]), (p * s).sum()
deviation = np.sqrt((p * (s - mean) ** 2).sum())
assert abs(got.mean() - mean) < 0.1 * deviation
assert abs(got.std() / deviation - 1) < 0.15
# one man: y = σ ε + a + b x, of which the second part is normal, is averaged over the quantiles of ε
s, noise = np.linspace(-12, 3, 1501), stats.t(4).ppf((np.arange(2000) + 0.5) / 2000)
p = stats.norm(np.exp(s)[:, None] * noise, np.sqrt(1 + x[0] ** 2)).pdf(y[0]).mean(1)
p = p * np.exp(s - np.exp(s))
below = np.cumsum(p) / p.sum()
theta = np.asarray(sample_posterior(x[:1], y[:1], seeded(int(rng.integers(2**31)))), dtype=float)
assert gap(np.log(theta[:, 2]), lambda z: np.interp(z, s + 0.005, below)) < 0.05
### END HIDDEN TESTS
