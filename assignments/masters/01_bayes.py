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
# grader: delete = coursepkg.bayes.coin, coursepkg.bayes.regression, coursepkg.bayes.information
# grader: close = sklearn.linear_model
# grader: seconds = 70

# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 1: Bayes from one coin
#
# Six questions, 20 points, on [chapter 1](https://your-organisation.github.io/generative-models/notebooks/01_bayes.html).
# Write your code in place of `raise NotImplementedError`. Below each question stands a test that you can run as often as
# you like, and an empty cell whose comment says what the hidden test looks at. Run the whole notebook from the top
# before you hand it in. The tests draw their numbers from `SEED`, and the grader has another one; five digits are enough.
#
# All logarithms are natural and all information is in nats. Return NumPy arrays, or what the docstring says. Whatever is random must come
# from the `generator` that your function is given. You may use NumPy, SciPy and PyTorch
# (the grader has no `sklearn.linear_model`).

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np
import torch
from scipy import integrate, optimize, special, stats

SEED = 0  # the tests draw their numbers from it; the grader has its own


def seeded(seed):
    """A torch.Generator that starts from `seed`."""
    return torch.Generator().manual_seed(seed)


def check(got, want, tolerance=1e-5):
    """The same shape and the same numbers; NaN is no number."""
    want = np.asarray(want, dtype=float)
    assert np.shape(got) == want.shape, f"shape {np.shape(got)}, expected {want.shape}"
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance, equal_nan=False)


# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. The posterior of the log-odds (3 points)
#
# Let $u = \log\frac{\theta}{1 - \theta}$ be the log-odds of heads. The prior of $\theta$ is Beta(a, b), and we saw $k$ heads
# in $n$ tosses. Derive the posterior density of $u$. A density changes with the coordinate: how?
#
# *Trains: conjugacy, change of variables, and logarithms that do not overflow (try $u = \pm 800$).*


# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_odds_posterior(u, k, n, a, b):
    """log p(u | k heads in n tosses), normalised; u is an array of any shape, and so is the result."""
    ### BEGIN SOLUTION
    heads, tails = a + k, b + n - k
    log_theta, log_rest = -np.logaddexp(0, -u), -np.logaddexp(0, u)
    return heads * log_theta + tails * log_rest - special.betaln(heads, tails)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A density has area one, in every coordinate; and the mean of θ is known, (a + k) / (a + b + n).
rng = np.random.default_rng([SEED, 11])
k, tails = rng.integers(2, 9, size=2).tolist()
u = np.linspace(-30, 30, 6001)
for a, b in ((1.0, 1.0), rng.uniform(0.5, 4, size=2).tolist()):
    density = np.exp(log_odds_posterior(u, k, k + tails, a, b))
    area, mean = integrate.trapezoid(np.stack([density, density * special.expit(u)]), u)
    assert abs(area - 1) < 1e-4, f"the area is {area}"
    want = (a + k) / (a + b + k + tails)
    assert abs(mean - want) < 1e-4, f"θ has the mean {mean}, expected {want}"

# %% nbgrader={"grade": true, "grade_id": "q1-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: any Beta prior, any counts; and far out, where θ rounds to 0 or 1, the logarithm is still finite
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 1])
a, b = rng.uniform(0.5, 4, size=2).tolist()
n = int(rng.integers(5, 30))
k = int(rng.integers(1, n))
u = rng.uniform(-4, 4, size=(3, 4))
theta = special.expit(u)
want = stats.beta(a + k, b + n - k).logpdf(theta) + np.log(theta * (1 - theta))
check(log_odds_posterior(u, k, n, a, b), want)
far = np.array([-800.0, 800.0])
want = np.array([-800 * (a + k), -800 * (b + n - k)]) - special.betaln(a + k, b + n - k)
check(log_odds_posterior(far, k, n, a, b), want)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. Many people, one coin (3 points)
#
# $J$ people toss the *same* coin. Person $j$ reports only the number of heads, $k_j$ of $n_j$. The one $\theta$ that all of them share
# has the prior Beta(a, b). What is the probability of the reports? Given $\theta$ they are independent; without it they are not.
#
# *Trains: the evidence as an integral; what is counted once, and what once a person.*


# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_evidence_of_reports(heads, tosses, a, b):
    """log p(k_1, ..., k_J), a float; heads and tosses are integer arrays (J,)."""
    ### BEGIN SOLUTION
    heads, tosses = np.asarray(heads), np.asarray(tosses)
    k, tails = heads.sum(), (tosses - heads).sum()
    orders = -np.log(tosses + 1) - special.betaln(heads + 1, tosses - heads + 1)
    return float(orders.sum() + special.betaln(a + k, b + tails) - special.betaln(a, b))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One person. Flat prior: all counts are equally probable. Other priors: a share a / (a + b) of heads is to be expected.
rng = np.random.default_rng([SEED, 12])
n, (a, b) = int(rng.integers(5, 15)), rng.uniform(1, 4, size=2).tolist()
check(log_evidence_of_reports(np.array([3]), np.array([n]), 1.0, 1.0), -np.log(n + 1))
p = [np.exp(log_evidence_of_reports(np.array([k]), np.array([n]), a, b)) for k in range(n + 1)]
check(np.sum(p), 1)
check(np.arange(n + 1) @ p, n * a / (a + b))

# %% nbgrader={"grade": true, "grade_id": "q2-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: several people with any prior, against numerical integration over the one θ that they share
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 2])
a, b = rng.uniform(1, 4, size=2).tolist()
tosses = rng.integers(3, 9, size=3)
heads = rng.binomial(tosses, 0.6)


def joint(theta):
    return stats.binom.pmf(heads, tosses, theta).prod() * stats.beta.pdf(theta, a, b)


want = np.log(integrate.quad(joint, 0, 1, epsabs=0, epsrel=1e-10)[0])
check(log_evidence_of_reports(heads, tosses, a, b), want, tolerance=1e-7)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. The Gaussian loss with all its constants (3 points)
#
# A model predicts, for each of the $D$ numbers in $y_i$, a mean and the *logarithm of a variance*. What is $-\log p(y_i)$, if the numbers are
# independent given the model?
#
# *Trains: where the constant goes, with which sign, and how many times.*


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gaussian_nll(y, mean, log_var):
    """-log p(y_i) for each row, (N,); y, mean and log_var are arrays (N, D)."""
    ### BEGIN SOLUTION
    squares = (y - mean) ** 2 * np.exp(-log_var)
    return 0.5 * (squares + log_var + np.log(2 * np.pi)).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q3-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Three rows of one number, and the variance 1: the standard normal density of the differences.
y, mean = np.random.default_rng([SEED, 13]).normal(size=(2, 3, 1))
check(gaussian_nll(y, mean, np.zeros((3, 1))), -stats.norm.logpdf(y - mean)[:, 0])

# %% nbgrader={"grade": true, "grade_id": "q3-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: more than one number in a row, and variances that are not one
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 3])
y, mean, log_var = rng.normal(size=(3, 6, 4))
want = -stats.norm(mean, np.exp(log_var / 2)).logpdf(y).sum(-1)
check(gaussian_nll(y, mean, log_var), want)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. A prediction from samples (3 points)
#
# You have $S$ draws $w_1, \dots, w_S$ from a posterior, and `log_lik[s, i]` $= \log p(y_i \mid w_s)$ for new data. Estimate
# $\log p(y_i \mid \mathcal{D})$, where the probability is averaged over the posterior.
#
# *Trains: the order of logarithm and mean; arithmetic with numbers like $e^{-2000}$.*


# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_predictive(log_lik):
    """log of the Monte Carlo estimate of p(y_i | D), (N,); log_lik is (S, N)."""
    ### BEGIN SOLUTION
    return special.logsumexp(log_lik, axis=0) - np.log(len(log_lik))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q4-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two draws say 0.2 and 0.6; and two draws, each with a probability for five data.
check(log_predictive(np.log([[0.2], [0.6]])), [np.log(0.4)])
p = np.random.default_rng([SEED, 14]).uniform(0.1, 0.9, size=(2, 5))
check(log_predictive(np.log(p)), np.log((p[0] + p[1]) / 2))

# %% nbgrader={"grade": true, "grade_id": "q4-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: several draws; and likelihoods that no floating-point number can hold, so that only their logarithms can be used
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 4])
log_lik = rng.normal(-3, 2, size=(7, 5))
want = np.log(np.mean(np.exp(log_lik), axis=0))
check(log_predictive(log_lik), want)
check(log_predictive(log_lik - 2000), want - 2000)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. Draws from a posterior (4 points)
#
# In the model $y = Xw + \varepsilon$ with noise of standard deviation $\sigma$ and the prior $w \sim \mathcal{N}(0, I/\lambda)$ the posterior is
# Gaussian. Draw from it. Its precision matrix is easy to write down; think about which triangular factor turns
# standard normal numbers into the right covariance, and test it on two correlated weights.
#
# *Trains: the Gaussian posterior; sampling with a Cholesky factor.*


# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(X, y, sigma, strength, n, generator):
    """n draws of w given X (N, M) and y (N,), as an array (n, M); `strength` is λ."""
    ### BEGIN SOLUTION
    X, y = torch.as_tensor(X), torch.as_tensor(y)
    A = X.T @ X / sigma**2 + strength * torch.eye(X.shape[1], dtype=X.dtype)
    L = torch.linalg.cholesky(A)  # A = L Lᵀ, so L⁻ᵀ ε has covariance A⁻¹
    noise = torch.randn(X.shape[1], n, generator=generator, dtype=X.dtype)
    mean = torch.linalg.solve(A, X.T @ y / sigma**2)
    return (mean + torch.linalg.solve_triangular(L.T, noise, upper=True).T).numpy()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q5-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One weight, N measurements that are all equal to m: mean N · m / (N + 1) and variance 1 / (N + 1).
# The bounds fail a right answer about once in a million runs. Equal generators draw the same, others do not.
rng = np.random.default_rng([SEED, 15])
N, m, draw = int(rng.integers(2, 8)), rng.uniform(1, 3), int(rng.integers(2**31))
X, y = np.ones((N, 1)), np.full(N, m)
w, again, other = (
    np.asarray(sample_posterior(X, y, 1.0, 1.0, 10_000, seeded(s))) for s in (draw, draw, draw + 1)
)
assert w.shape == (10_000, 1), f"shape {w.shape}"
check(again, w)
assert np.abs(other - w).max() > 1e-3, "another generator drew the same"
variance = 1 / (N + 1)
assert abs(w.mean() - N * m / (N + 1)) < 5 * np.sqrt(variance / 10_000), f"mean {w.mean()}"
assert abs(w.var() / variance - 1) < 5 * np.sqrt(2 / 10_000), f"variance {w.var()}"

# %% nbgrader={"grade": true, "grade_id": "q5-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# hint: several correlated weights with any σ and λ: mean, all variances and covariances, and the normal shape
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 5])
M, n, draw = 3, 10_000, int(rng.integers(2**31))
X = rng.normal(size=(8, M)) @ (np.eye(M) + np.tri(M))
y = rng.normal(size=8)
sigma, strength = rng.uniform(0.3, 0.6), rng.uniform(2, 4)
A = X.T @ X / sigma**2 + strength * np.eye(M)
mean = np.linalg.solve(A, X.T @ y / sigma**2)
w = np.asarray(sample_posterior(X, y, sigma, strength, n, seeded(draw)), dtype=float)
assert w.shape == (n, M)
z = (w - mean) @ np.linalg.cholesky(A)  # independent standard normal numbers
assert np.abs(z.mean(0)).max() < 6 / np.sqrt(n)
assert np.abs(np.cov(z.T) - np.eye(M)).max() < 6 * np.sqrt(2 / n)
assert np.abs((z**4).mean(0) - 3).max() < 8 * np.sqrt(96 / n)
assert np.abs((z[1:] * z[:-1]).mean(0)).max() < 6 / np.sqrt(n)
other = np.asarray(sample_posterior(X, y, sigma, strength, n, seeded(draw + 1)))
assert np.abs((z * ((other - mean) @ np.linalg.cholesky(A))).mean(0)).max() < 6 / np.sqrt(n)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q6-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. A small trained model, and its evidence (4 points)
#
# Logistic regression says $p(y_i \mid x_i, w) = 1 / (1 + e^{-y_i x_i^\top w})$ for $y_i = \pm 1$, with the prior
# $w \sim \mathcal{N}(0, I/\lambda)$. Train it: find the minimum $\hat w$ of the energy, to seven digits (Newton's method needs about ten steps;
# you need the second derivatives anyway). No closed form exists for the evidence, but the energy is nearly quadratic around
# $\hat w$. Replace it by its second-order expansion there, and integrate: this is Laplace's approximation. Keep the prior's normaliser.
#
# *Trains: energy = loss + regulariser, summed over the data; minimising it; the price of freedom.*


# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_logistic(X, y, strength):
    """The trained weights and Laplace's approximation of log p(y | X).

    X is (N, M), y is (N,) with entries -1 and 1, `strength` is λ.
    Returns a dict with "w", an array (M,), and "log_evidence", a float.
    """
    ### BEGIN SOLUTION
    M = X.shape[1]
    w = np.zeros(M)
    for _ in range(30):
        wrong = special.expit(-y * (X @ w))  # the probability of the other answer
        gradient = -X.T @ (y * wrong) + strength * w
        H = (X.T * (wrong * (1 - wrong))) @ X + strength * np.eye(M)
        w = w - np.linalg.solve(H, gradient)
    energy = np.logaddexp(0, -y * (X @ w)).sum() + 0.5 * strength * w @ w
    log_evidence = -energy + 0.5 * M * np.log(strength) - 0.5 * np.linalg.slogdet(H)[1]
    return {"w": w, "log_evidence": float(log_evidence)}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q6-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Is it a 1 or a 7? Two features of real digits: ink in the top row, and in the two middle rows.
from coursepkg.data.digits import load_labels, load_split

images, labels = load_split().train.numpy().reshape(-1, 8, 8) / 16, load_labels().train.numpy()
chosen = np.isin(labels, (1, 7))
X = np.stack(
    [images[chosen, :1].mean((1, 2)), images[chosen, 3:5].mean((1, 2)), np.ones(chosen.sum())], 1
)
y = np.where(labels[chosen] == 7, 1.0, -1.0)
strength = np.random.default_rng([SEED, 16]).uniform(0.2, 2)
w = np.asarray(fit_logistic(X, y, strength)["w"], dtype=float)
assert w.shape == (3,), f"shape {w.shape}"
slope = -X.T @ (y * special.expit(-y * (X @ w))) + strength * w
assert np.abs(slope).max() < 1e-5, f"the energy still has slope {slope} at your minimum"
print(f"{np.mean(np.sign(X @ w) == y):.0%} of {len(y)} images are told apart")

# %% nbgrader={"grade": true, "grade_id": "q6-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: the minimum of the energy on other data, with other λ
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 6])
X = rng.normal(size=(40, 4))
y = np.where(X @ rng.normal(size=4) + rng.logistic(size=40) > 0, 1.0, -1.0)
for strength in rng.uniform(0.2, 5, size=2).tolist():
    w = np.asarray(fit_logistic(X, y, strength)["w"], dtype=float)
    assert w.shape == (4,)
    assert np.abs(-X.T @ (y * special.expit(-y * (X @ w))) + strength * w).max() < 1e-5
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q6-evidence", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: log_evidence: −energy, the prior's normaliser and the log-determinant of the second derivatives, with signs and halves
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 7])
X = rng.normal(size=(30, 3))
y = np.where(X @ rng.normal(size=3) + rng.logistic(size=30) > 0, 1.0, -1.0)
strength = rng.uniform(0.2, 5)


def energy(w):
    return np.logaddexp(0, -y * (X @ w)).sum() + 0.5 * strength * w @ w


def slope(w):
    return -X.T @ (y * special.expit(-y * (X @ w))) + strength * w


w = optimize.minimize(energy, np.zeros(3), jac=slope, method="BFGS", options={"gtol": 1e-8}).x
step = 1e-5 * np.eye(3)
H = np.stack([(slope(w + e) - slope(w - e)) / 2e-5 for e in step])
normal = stats.multivariate_normal(w, np.linalg.inv(H))
# Bayes' theorem at the minimum, with the Gaussian in the posterior's place
want = -energy(w) + 1.5 * np.log(strength / (2 * np.pi)) - normal.logpdf(w)
check(fit_logistic(X, y, strength)["log_evidence"], want, tolerance=1e-5)
### END HIDDEN TESTS
