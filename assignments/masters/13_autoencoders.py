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
# grader: delete = coursepkg.models.autoencoders, coursepkg.evaluation.importance
# grader: close = sklearn.decomposition
# grader: seconds = 240

# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 13: Autoencoders
#
# Seven questions, 20 points: two on [chapter 13](https://your-organisation.github.io/generative-models/notebooks/13_linear_autoencoders.html) and five on [chapter 14](https://your-organisation.github.io/generative-models/notebooks/14_vae.html).
# Write your code in place of `raise NotImplementedError`. Below each question stands a test that you can run as often as
# you like, and an empty cell whose comment says what the hidden test looks at. Run the whole notebook from the top
# before you hand it in. The tests draw their numbers from `SEED`, and the grader has another one; five digits are enough.
#
# A batch of $B$ examples of $D$ numbers is an array (B, D), one example a row, and a code has $M$ numbers. All logarithms are natural, and whatever is the logarithm of a probability or density is in nats.
# Return NumPy arrays, or what the docstring says. Whatever is random must come from the `generator` that your function is given. You may use NumPy, SciPy and PyTorch, and the functions of the next cell.
# `sklearn.decomposition` cannot be imported where your notebook is graded.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np
import torch
from scipy import special

SEED = 0  # the tests draw their numbers from it; the grader has its own


def seeded(seed):
    """A torch.Generator that starts from `seed`."""
    return torch.Generator().manual_seed(seed)


def check(got, want, tolerance=1e-5):
    """The same shape and the same numbers; NaN is no number."""
    want = np.asarray(want, dtype=float)
    assert np.shape(got) == want.shape, f"shape {np.shape(got)}, expected {want.shape}"
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance, equal_nan=False)


def net(params, x):
    """V tanh(W x + c) + e for each row of x: (B, D) -> (B, E); "W" is (H, D) and "V" is (E, H)."""
    return np.tanh(x @ params["W"].T + params["c"]) @ params["V"].T + params["e"]


def disguised(rng, split):
    """All digits as no one has seen them, in random order, (1797, 64).

    Their pixels change places, in all images alike, and half of the pixels become negatives.
    """
    images = np.concatenate([part.numpy() for part in split])
    images = images[rng.permutation(len(images))][:, rng.permutation(64)]
    return np.where(rng.permutation(64) < 32, 16 - images, images)


# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. A plane, and the noise around it (4 points)
#
# In probabilistic PCA $x = \mu + G z + \sigma \varepsilon$, with $z$ and $\varepsilon$ standard normal. Now example $x_n$ has a weight $w_n > 0$: it counts as if it stood in the data $w_n$ times, and $w_n$ need not be an integer. `fit_plane` finds the $\mu$, $G$ and $\sigma^2$ for which
#
# $$ \sum_{n=1}^{N} w_n \log p(x_n) , \qquad p(x) = \mathcal{N}\bigl( x;\, \mu,\, G G^\top + \sigma^2 I \bigr) , $$
#
# is largest. There may be fewer examples than pixels. Of the many $G$ that are equally good return one; the test looks at $G G^\top$.
#
# Next, let each pixel have its own noise, with the deviation $\psi_d$: $x_d = \mu_d + \sum_m G_{dm} z_m + \psi_d\, \varepsilon_d$, known as factor analysis. `factor_log_prob` computes its $\log p(x)$. Here $D$ may be 20,000, too many for a matrix of $D \times D$ numbers.
#
# *Trains: PCA by singular values; the closed form of probabilistic PCA; an exact likelihood for which only $M \times M$ matrices are solved.*


# %% nbgrader={"grade": false, "grade_id": "q1-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_plane(x, weights, M):
    """The triple of μ (D,), G (D, M) and the number σ²; x is (N, D), weights is (N,)."""
    ### BEGIN SOLUTION
    w = weights / weights.sum()
    mean = w @ x
    _, singular, axes = np.linalg.svd(np.sqrt(w)[:, None] * (x - mean), full_matrices=False)
    variances = singular**2
    noise = variances[M:].sum() / (x.shape[1] - M)
    return mean, axes[:M].T * np.sqrt(variances[:M] - noise), noise
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q1-law", "locked": false, "schema_version": 3, "solution": true, "task": false}
def factor_log_prob(x, mean, G, noise):
    """log p(x) of each row of x (B, D), an array (B,); mean is (D,), G (D, M), noise ψ (D,)."""
    ### BEGIN SOLUTION
    y, A = (x - mean) / noise, G / noise[:, None]
    inner, code = A.T @ A + np.eye(G.shape[1]), y @ A
    square = (y**2).sum(1) - (code * np.linalg.solve(inner, code.T).T).sum(1)
    log_det = np.linalg.slogdet(inner)[1] + 2 * np.log(noise).sum()
    return -(square + log_det + len(mean) * np.log(2 * np.pi)) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two points on each of three axes, all of the same weight: variances a² / 3, b² / 3 and c² / 3.
rng = np.random.default_rng([SEED, 21])
for a, b, c in ((3.0, 2.0, 1.0), np.sort(rng.uniform(1, 5, size=3))[::-1]):
    axes = np.diag([a, b, c])
    mean, G, variance = fit_plane(np.concatenate([1 + axes, 1 - axes]), np.full(6, 0.5), 1)
    check(mean, np.ones(3))
    check(variance, (b**2 + c**2) / 6)
    check(
        np.asarray(G, dtype=float) @ np.asarray(G, dtype=float).T,
        np.diag([a**2 / 3 - (b**2 + c**2) / 6, 0, 0]),
    )
# Now the density: by hand in two dimensions, where Σ is the identity and (m, m)ᵀ (m, m).
for m in (1.0, rng.uniform(1, 3)):
    want = -np.log(2 * np.pi) - np.log(1 + 2 * m**2) / 2 - 1 / (1 + 2 * m**2)
    x = np.array([[1.0, 1.0], [-1.0, -1.0]])
    check(factor_log_prob(x, np.zeros(2), np.full((2, 1), m), np.ones(2)), [want, want])

# %% nbgrader={"grade": true, "grade_id": "q1-plane", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: weights that are integers, against examples written down so often; other weights; fewer examples than pixels
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 1])
for N, D, M in ((60, 6, 2), (9, 40, 3), (7, 8, 1)):
    stretch = np.geomspace(4, 0.3, D)
    x = rng.normal(size=(N, D)) * stretch @ np.linalg.qr(rng.normal(size=(D, D)))[0] + 5
    counts = rng.integers(1, 6, size=N)
    for unit in (1.0, rng.uniform(0.01, 0.2)):
        mean, G, variance = fit_plane(x, counts * unit, M)
        rows = np.repeat(x, counts, axis=0)
        covariance = np.cov(rows.T, bias=True)
        values, vectors = np.linalg.eigh(covariance)
        rest = values[: D - M].mean()
        check(mean, rows.mean(0))
        check(variance, rest)
        G = np.asarray(G, dtype=float)
        assert G.shape == (D, M), f"G has the shape {G.shape}"
        top = vectors[:, D - M :]
        check(G @ G.T, top * (values[D - M :] - rest) @ top.T)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q1-density", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any loadings and deviations, against a normal law with the whole covariance
### BEGIN HIDDEN TESTS
from scipy import stats

rng = np.random.default_rng([SEED, 2])
for D, M in ((5, 2), (3, 1), (7, 4)):
    mean, G, noise = rng.normal(size=D), rng.normal(size=(D, M)), rng.uniform(0.3, 2, size=D)
    x = mean + 2 * rng.normal(size=(4, D))
    want = stats.multivariate_normal(mean, G @ G.T + np.diag(noise**2)).logpdf(x)
    check(factor_log_prob(x, mean, G, noise), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q1-wide", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: twenty thousand pixels, against directions in which the answer is known
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 3])
D, M = 20_000, 4
noise, mean = rng.uniform(0.05, 0.2, size=D), rng.normal(size=D)
Q, _ = np.linalg.qr(rng.normal(size=(D, M)))
size = np.geomspace(0.1, 30, M) * rng.uniform(0.8, 1.25, size=M)
y = rng.normal(size=(3, D))  # what is left when each pixel is divided by its noise
along = (y @ Q) ** 2
square = (y**2).sum(1) - along.sum(1) + (along / (1 + size**2)).sum(1)
log_det = np.log1p(size**2).sum() + 2 * np.log(noise).sum()
want = -(square + log_det + D * np.log(2 * np.pi)) / 2
turn, _ = np.linalg.qr(rng.normal(size=(M, M)))
G = noise[:, None] * (Q * size @ turn)
check(factor_log_prob(mean + noise * y, mean, G, noise), want)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. Sources with laws of their own (3 points)
#
# Independent component analysis assumes $s = W (x - \mu)$ with independent sources. Let source $j$ have its own law, a mixture of $C$ normal laws,
#
# $$ p_j(s) = \sum_{c=1}^{C} \pi_{jc}\, \mathcal{N}\bigl( s;\, m_{jc},\, \tau_{jc}^2 \bigr) . $$
#
# It may have a sharp peak and long tails, or two hills, or what you like. Compute $\log p(x)$, and one step of the natural gradient for the mean log-likelihood of a batch:
#
# $$ W + \eta\, \bigl( I + \operatorname{\mathbb{E}}[\psi(s)\, s^\top] \bigr)\, W , \qquad \psi_j(s) = \frac{d}{ds} \log p_j(s) . $$
#
# Far out in the tails $p_j$ is too small for a floating-point number, and $\psi_j$ is a good number all the same. $\det W$ may be negative, or too small.
#
# *Trains: the likelihood of ICA as a change of variables; the score of a source; a step that needs no inverse.*


# %% nbgrader={"grade": false, "grade_id": "q2-law", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ica_log_prob(x, mean, W, law):
    """log p(x) of each row of x (B, D), an array (B,); mean is (D,) and W is (D, D).

    law is a dict of arrays (D, C), a row for each source: "weights", "means" and "stds".
    """
    ### BEGIN SOLUTION
    s = (x - mean) @ W.T
    u = (s[:, :, None] - law["means"]) / law["stds"]
    log_f = np.log(law["weights"]) - np.log(law["stds"]) - (u**2 + np.log(2 * np.pi)) / 2
    return np.linalg.slogdet(W)[1] + special.logsumexp(log_f, axis=2).sum(1)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q2-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def natural_step(x, mean, W, law, step_size):
    """W after one step of size η = step_size for the batch x (B, D); all as in `ica_log_prob`."""
    ### BEGIN SOLUTION
    s = (x - mean) @ W.T
    u = (s[:, :, None] - law["means"]) / law["stds"]
    share = special.softmax(np.log(law["weights"]) - np.log(law["stds"]) - u**2 / 2, axis=2)
    psi = -(share * u / law["stds"]).sum(2)
    return W + step_size * (np.eye(len(W)) + psi.T @ s / len(x)) @ W
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One part for each source, standard normal: log p(0) = log |det W| - log 2π, and ψ(s) = -s.
rng = np.random.default_rng([SEED, 22])
law = {"weights": np.ones((2, 1)), "means": np.zeros((2, 1)), "stds": np.ones((2, 1))}
for a, b in ((2.0, 3.0), rng.uniform(1, 4, size=2)):
    W, mean = np.diag([a, b]), np.array([5.0, -5.0])
    check(ica_log_prob(mean[None], mean, W, law), [np.log(a * b) - np.log(2 * np.pi)])
    # At x - μ = (1, 0) the outputs are (a, 0): row 1 of W changes by the factor 1 + η (1 - a²), row 2 by 1 + η.
    got = natural_step(mean[None] + [1, 0], mean, W, law, 0.1)
    check(got, np.diag([a * (1.1 - 0.1 * a**2), 1.1 * b]))

# %% nbgrader={"grade": true, "grade_id": "q2-density", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any laws and any W, also with a negative determinant; outputs far out in the tails; two hundred sources
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 4])
for D, C, scale in ((3, 2, 1.0), (4, 3, 200.0)):
    law = {
        "weights": rng.dirichlet(np.full(C, 3.0), size=D),
        "means": rng.normal(size=(D, C)),
        "stds": rng.uniform(0.5, 2, size=(D, C)),
    }
    for sign in (1, -1):
        W, mean = rng.normal(size=(D, D)) / 2 + 2 * np.eye(D), rng.normal(size=D)
        W[0] *= sign * np.sign(np.linalg.det(W))
        x = mean + scale * rng.normal(size=(5, D))
        want = np.full(5, np.log(sign * np.linalg.det(W)))
        for b, j in np.ndindex(5, D):
            s = W[j] @ (x[b] - mean)
            parts = [
                np.log(p / t / np.sqrt(2 * np.pi)) - ((s - m) / t) ** 2 / 2
                for p, m, t in zip(law["weights"][j], law["means"][j], law["stds"][j], strict=True)
            ]
            want[b] += special.logsumexp(parts)
        check(ica_log_prob(x, mean, W, law), want)
D = 200
turn, _ = np.linalg.qr(rng.normal(size=(D, D)))
law = {"weights": np.ones((D, 1)), "means": np.zeros((D, 1)), "stds": np.full((D, 1), 0.01)}
s, small = 0.01 * rng.normal(size=(2, D)), rng.uniform(0.001, 0.01)
want = D * np.log(small) - (1e4 * s**2 / 2 + np.log(0.01) + np.log(2 * np.pi) / 2).sum(1)
check(ica_log_prob(s @ turn / small, np.zeros(D), small * turn, law), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q2-direction", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any laws, also where a peak is sharp and where the tails are far: against small differences of the log-likelihood
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 5])


def level(x, mean, W, law):
    u = ((x - mean) @ W.T)[:, :, None] - law["means"]
    log_f = np.log(law["weights"] / law["stds"]) - (u / law["stds"]) ** 2 / 2
    return special.logsumexp(log_f, axis=2).sum(1).mean() + np.linalg.slogdet(W)[1]


for D, C, scale in ((3, 2, 1.0), (2, 3, 60.0), (4, 2, 1.0)):
    law = {
        "weights": rng.dirichlet(np.full(C, 3.0), size=D),
        "means": rng.normal(size=(D, C)),
        "stds": rng.uniform(0.5, 2, size=(D, C)),
    }
    W, mean = rng.normal(size=(D, D)) / 2 + 2 * np.eye(D), rng.normal(size=D)
    x, H = mean + scale * rng.normal(size=(6, D)), np.zeros((D, D))
    for place in np.ndindex(D, D):
        nudge = np.zeros((D, D))
        nudge[place] = 1e-5
        H[place] = (level(x, mean, W + nudge, law) - level(x, mean, W - nudge, law)) / 2e-5
    step = rng.uniform(0.1, 0.5) / scale**2
    want = W + step * H @ W.T @ W
    check(natural_step(x, mean, W, law, step), want, tolerance=1e-5)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. From a bug: the price of a card (2 points)
#
# An encoder says more than chapter 14's: for each example a whole normal law, $q = \mathcal{N}(\mu, L L^\top)$ with a lower triangular $L$ whose diagonal is positive. The prior is $p = \mathcal{N}\bigl( m, \operatorname{diag}(s^2) \bigr)$, the same for all. Somebody computes $\mathrm{KL}(q \Vert p)$ of each example by the function `first_try` below, and says: "I have tested it. With $L = I$, $m = \mu$ and $s = 1$ it gives 0, as it should."
#
# It is wrong in more than one way: if $q$ is the prior itself and $s = 2$, say, it does not give 0. Derive the divergence, and write it as it should be.
#
# *Trains: the divergence of two normal laws; what a variance is when there is a triangle; why a test at one convenient place shows little.*


# %% nbgrader={"grade": false, "grade_id": "q3-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
def first_try(mean, L, prior_mean, prior_std):
    """Meant to be KL(q ‖ p); shapes as in `rate`."""
    spread = np.diagonal(L, axis1=1, axis2=2) ** 2
    kl = (spread + (mean - prior_mean) ** 2) / prior_std - 1
    kl = kl - np.log(spread) + np.log(prior_std)
    return 0.5 * kl.mean(1)


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate(mean, L, prior_mean, prior_std):
    """KL(q ‖ p) of each example, (B,), in nats.

    mean is (B, M), L is (B, M, M), prior_mean and prior_std (the deviations s) are (M,).
    """
    ### BEGIN SOLUTION
    spread = (L**2).sum(2)  # the diagonal of L Lᵀ
    kl = (spread + (mean - prior_mean) ** 2) / prior_std**2 - 1
    kl = kl + 2 * np.log(prior_std) - 2 * np.log(np.diagonal(L, axis1=1, axis2=2))
    return kl.sum(1) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q3-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One latent variable: μ away from the prior's mean, by 1 and by another number, with the same deviation s. Then two deviations, σ and s.
rng = np.random.default_rng([SEED, 23])
for away, sigma, s in ((1.0, 0.5, 2.0), rng.uniform(0.5, 3, size=3)):
    got = rate(np.array([[3 + away]]), np.array([[[s]]]), np.array([3.0]), np.array([s]))
    check(got, [away**2 / s**2 / 2])
    got = rate(np.array([[3.0]]), np.array([[[sigma]]]), np.array([3.0]), np.array([s]))
    check(got, [np.log(s / sigma) + (sigma**2 / s**2 - 1) / 2])

# %% nbgrader={"grade": true, "grade_id": "q3-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: several latent variables that depend on each other, another law for each example
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 6])
for B, M in ((4, 3), (3, 5), (1, 2)):
    L = np.tril(rng.normal(size=(B, M, M)), -1) + np.eye(M) * rng.uniform(0.2, 2, size=(B, 1, M))
    mean, prior_mean = rng.normal(size=(B, M)), rng.normal(size=M)
    prior_std, want = rng.uniform(0.3, 3, size=M), np.zeros(B)
    P = np.diag(prior_std**2)
    for b in range(B):
        Q, d = L[b] @ L[b].T, mean[b] - prior_mean
        want[b] = np.trace(np.linalg.inv(P) @ Q) + d @ np.linalg.solve(P, d) - M
        want[b] += np.linalg.slogdet(P)[1] - np.linalg.slogdet(Q)[1]
    check(rate(mean, L, prior_mean, prior_std), want / 2)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. A bound, and its gradient through the draw (3 points)
#
# A pixel of our digits is a number from 0 to 16. Let the decoder say for each pixel how probable *one* of sixteen drops of ink is, by its log-odds $a_d$, so that $x_d$ is the number of drops:
#
# $$ p(x \mid z) = \prod_{d=1}^{D} \binom{16}{x_d}\, \sigma(a_d)^{x_d}\, \bigl( 1 - \sigma(a_d) \bigr)^{16 - x_d} , \qquad \sigma(a) = \frac{1}{1 + e^{-a}} . $$
#
# `net(params["decoder"], z)` is $a$, (B, D). `net(params["encoder"], x / 8 - 1)` is (B, 2 M): first the $M$ means $\mu$, then the $M$ logarithms $\ell$ of *variances*, so that $q(z \mid x) = \mathcal{N}\bigl( \mu, \operatorname{diag}(e^{\ell}) \bigr)$. The prior is standard normal. For given standard normal numbers $\varepsilon_1, \dots, \varepsilon_R$ let $z_r = \mu + e^{\ell / 2} \odot \varepsilon_r$, and
#
# $$ F(x) = -\text{rate} - \text{distortion} , \qquad \text{distortion} = -\frac1R \sum_{r=1}^{R} \log p(x \mid z_r) , $$
#
# where the rate is the divergence of $q(z \mid x)$ from the prior, in closed form. `bound_terms` returns rate and distortion; `bound_gradient` the derivatives of $F(x)$ with respect to the numbers $\mu$ and $\ell$ of this $x$, while the $\varepsilon_r$ stay as they are. The log-odds may be as large as a thousand.
#
# *Trains: rate and distortion; reparametrisation; the chain rule through a draw; logarithms of probabilities near 0 and 1.*


# %% nbgrader={"grade": false, "grade_id": "q4-terms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_terms(params, x, eps):
    """The pair of rate and distortion of each example, two arrays (B,), in nats.

    x is (B, D), integers from 0 to 16; eps is (R, B, M), numbers ε of each draw and example.
    """
    ### BEGIN SOLUTION
    mean, log_var = np.split(net(params["encoder"], x / 8 - 1), 2, axis=1)
    rate = (mean**2 + np.exp(log_var) - 1 - log_var).sum(1) / 2
    ways = special.gammaln(17) - special.gammaln(x + 1) - special.gammaln(17 - x)
    a = np.stack([net(params["decoder"], mean + np.exp(log_var / 2) * one) for one in eps])
    log_p = ways + x * special.log_expit(a) + (16 - x) * special.log_expit(-a)
    return rate, -log_p.sum(2).mean(0)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q4-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_gradient(params, x, eps):
    """The pair of ∂F/∂μ and ∂F/∂ℓ of each example, two arrays (B, M); all as in `bound_terms`."""
    ### BEGIN SOLUTION
    mean, log_var = np.split(net(params["encoder"], x / 8 - 1), 2, axis=1)
    std, decoder = np.exp(log_var / 2), params["decoder"]
    h = np.tanh((mean + std * eps) @ decoder["W"].T + decoder["c"])
    error = x - 16 * special.expit(h @ decoder["V"].T + decoder["e"])  # ∂ log p / ∂a
    slope = (error @ decoder["V"] * (1 - h**2)) @ decoder["W"]  # ∂ log p / ∂z
    pull = (slope * eps).mean(0) * std / 2
    return slope.mean(0) - mean, pull - (std**2 - 1) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q4-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# V = 0 in both networks: they say e, whatever they read. Log-odds of 0: a drop is ink with probability 1/2.
rng = np.random.default_rng([SEED, 24])
for m, ell in ((1.0, np.log(0.25)), (rng.uniform(1, 3), rng.uniform(-2, 2))):
    encoder = {"W": np.ones((3, 2)), "c": np.zeros(3), "V": np.zeros((4, 3))}
    decoder = {"W": np.ones((3, 2)), "c": np.zeros(3), "V": np.zeros((2, 3)), "e": np.zeros(2)}
    params = {"encoder": encoder | {"e": np.array([m, 0, 0, ell])}, "decoder": decoder}
    x, eps = np.array([[0, 16], [8, 1]]), rng.normal(size=(5, 2, 2))
    cost, loss = bound_terms(params, x, eps)
    check(cost, np.full(2, m**2 / 2 + (np.exp(ell) - 1 - ell) / 2))
    check(loss, 32 * np.log(2) - np.log([1, 12870 * 16]))
    # z does not matter here, and F changes with the rate alone.
    by_mean, by_log_var = bound_gradient(params, x, eps)
    check(by_mean, np.tile([-m, 0], (2, 1)))
    check(by_log_var, np.tile([0, (1 - np.exp(ell)) / 2], (2, 1)))

# %% nbgrader={"grade": true, "grade_id": "q4-bound", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any networks, draws and images, number by number; log-odds of a thousand
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 7])
B, D, M, H, R = 3, 5, 2, 4, 6
for size in (1.0, 300.0):
    shapes = {"encoder": (D, 2 * M, 0.5), "decoder": (M, D, size)}
    params = {
        name: {
            "W": rng.normal(size=(H, before)),
            "c": rng.normal(size=H),
            "V": scale * rng.normal(size=(after, H)),
            "e": rng.normal(size=after),
        }
        for name, (before, after, scale) in shapes.items()
    }
    x, eps = rng.integers(0, 17, size=(B, D)), rng.normal(size=(R, B, M))
    out = net(params["encoder"], x / 8 - 1)
    want_rate, want = np.zeros(B), np.zeros(B)
    for b in range(B):
        mean, variance = out[b, :M], np.exp(out[b, M:])
        want_rate[b] = (
            sum(m * m + v - 1 - np.log(v) for m, v in zip(mean, variance, strict=True)) / 2
        )
        for r in range(R):
            a = net(params["decoder"], (mean + np.sqrt(variance) * eps[r, b])[None])[0]
            for d in range(D):
                k = x[b, d]
                want[b] += (k * np.logaddexp(0, -a[d]) + (16 - k) * np.logaddexp(0, a[d])) / R
                want[b] -= np.log(special.comb(16, k)) / R
    got_rate, got = bound_terms(params, x, eps)
    check(got_rate, want_rate)
    check(got, want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q4-slopes", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any networks, draws and images: against small differences of F
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 8])
B, D, M, H, R = 3, 5, 3, 4, 7
shapes = {"encoder": (D, 2 * M), "decoder": (M, D)}
params = {
    name: {
        "W": rng.normal(size=(H, before)) / 2,
        "c": rng.normal(size=H),
        "V": rng.normal(size=(after, H)) / 2,
        "e": rng.normal(size=after),
    }
    for name, (before, after) in shapes.items()
}
x, eps = rng.integers(0, 17, size=(B, D)), rng.normal(size=(R, B, M))
out = net(params["encoder"], x / 8 - 1)


def height(out):
    mean, log_var = out[:, :M], out[:, M:]
    F = -(mean**2 + np.exp(log_var) - log_var).sum(1) / 2
    for one in eps:
        a = net(params["decoder"], mean + np.exp(log_var / 2) * one)
        F = F + (x * a - 16 * np.logaddexp(0, a)).sum(1) / R
    return F


nudge = 1e-5 * np.eye(2 * M)
want = np.stack([(height(out + one) - height(out - one)) / 2e-5 for one in nudge], axis=1)
by_mean, by_log_var = bound_gradient(params, x, eps)
check(by_mean, want[:, :M])
check(by_log_var, want[:, M:])
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. One weight fewer (2 points)
#
# From $K$ weights $w_1, \dots, w_K$ of an image, $K \ge 2$, comes the bound
#
# $$ F_K = \log \frac1K \sum_{k=1}^{K} w_k . $$
#
# The same weights say how much the last of them was worth. Leave each out in turn, and take the mean of the bounds that the other $K - 1$ give:
#
# $$ F_{K-1} = \frac1K \sum_{i=1}^{K} \log \Bigl( \frac{1}{K - 1} \sum_{k \ne i} w_k \Bigr) . $$
#
# Never is $F_{K-1} > F_K$, whatever the weights are: it is the step by which the chapter shows that bounds with more weights are no looser. The gap between $F_K$ and $\log p(x)$ falls about as $1/K$. The **jackknife** assumes that it does exactly so, and
# takes it away: $J = K F_K - (K - 1) F_{K-1}$. (It is no bound any more.)
#
# Return all three. You are given $\log w$, which may be $-10{,}000$, and one weight may be $e^{800}$ times as large as all others together.
#
# *Trains: a mean inside of the logarithm, and one outside; sums of exponentials that neither overflow nor vanish; why more weights do no harm.*


# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jackknife(log_w):
    """The triple of F_K, F_{K-1} and J of each image, three arrays (B,); log_w is (K, B)."""
    ### BEGIN SOLUTION
    K = len(log_w)
    full = special.logsumexp(log_w, axis=0) - np.log(K)
    others = [special.logsumexp(np.delete(log_w, i, axis=0), axis=0) for i in range(K)]
    less = np.mean(others, axis=0) - np.log(K - 1)
    return full, less, K * full - (K - 1) * less
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q5-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two weights, 1 and 3: F_2 = log 2, and F_1 is the mean of log 1 and log 3. Then a v of another size, and a second image with equal weights.
rng = np.random.default_rng([SEED, 25])
for v in (3.0, rng.uniform(2, 9)):
    log_w = np.log([[1.0, v], [v, v]])
    both = np.log((1 + v) / 2)
    full, less, better = jackknife(log_w)
    check(full, [both, np.log(v)])
    check(less, [np.log(v) / 2, np.log(v)])
    check(better, [2 * both - np.log(v) / 2, np.log(v)])

# %% nbgrader={"grade": true, "grade_id": "q5-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: more weights; all of them very small; one that is very much larger than the others
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 9])
for K in (2, 5, 12):
    log_w = 2 * rng.normal(size=(K, 4))
    log_w[:, 1] -= 10_000
    log_w[0, 2] += 800
    log_w[:, 3] += 900 * np.arange(K)
    log_w = rng.permuted(log_w, axis=0)
    want = np.zeros((3, 4))
    for b in range(4):
        rows = [[k for k in range(K) if k != i] for i in range(K)]
        want[0, b] = special.logsumexp(log_w[:, b], b=1 / K)
        want[1, b] = np.mean([special.logsumexp(log_w[row, b], b=1 / (K - 1)) for row in rows])
    want[2] = K * want[0] - (K - 1) * want[1]
    full, less, better = jackknife(log_w)
    check(full, want[0], tolerance=1e-7)
    check(less, want[1], tolerance=1e-7)
    check(better, want[2])
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q6-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. What is a latent variable used for? (2 points)
#
# An encoder gives image $n$ of $N$ the law $q_n = \mathcal{N}(\mu_n, \sigma_n^2)$ of one latent variable. Let $\bar q = \frac1N \sum_n q_n$ be the law of all written cards together, and $p = \mathcal{N}(0, 1)$ the prior. The mean rate is a sum:
#
# $$ \underbrace{\frac1N \sum_{n=1}^{N} \mathrm{KL}(q_n \Vert p)}_{\text{rate}} = \underbrace{\frac1N \sum_{n=1}^{N} \mathrm{KL}(q_n \Vert \bar q)}_{\text{information}} + \underbrace{\mathrm{KL}(\bar q \Vert p)}_{\text{mismatch}} . $$
#
# The information is what the card tells about its image, at most $\log N$; the mismatch is paid for nothing. So there are two ways to be useless. A variable that has collapsed has none of the three. And one to which the encoder gives the same law for all images, other than the prior, has a rate and still says nothing: by the rate alone one would think it is used.
#
# Compute the three for each of $M$ latent variables. The rate has a closed form. $\bar q$ is a mixture, whose entropy has none, so that an integral over the line is left; it is one variable at a time, and needs no random numbers. All $\sigma$ are between 0.02 and 3, the means between −6 and 6, and four digits are enough here.
#
# *Trains: how to see a posterior collapse, and what else may look like use; mutual information; the law of all cards together.*


# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split_rate(mean, std):
    """The triple of rate, information and mismatch of each variable, three arrays (M,), in nats.

    mean and std, of the laws q, are (N, M): a row for each image.
    """
    ### BEGIN SOLUTION
    rate = (mean**2 + std**2 - 1 - 2 * np.log(std)).mean(0) / 2
    z = np.linspace(-36, 36, 20_001)[:, None]  # in steps of a fifth of the least deviation
    mismatch = np.zeros(mean.shape[1])
    for j in range(mean.shape[1]):
        log_q = -(((z - mean[:, j]) / std[:, j]) ** 2) / 2 - np.log(std[:, j])
        log_all = special.logsumexp(log_q, axis=1) - np.log(len(mean) * np.sqrt(2 * np.pi))
        log_prior = -(z[:, 0] ** 2) / 2 - np.log(2 * np.pi) / 2
        mismatch[j] = np.sum(np.exp(log_all) * (log_all - log_prior)) * (z[1, 0] - z[0, 0])
    return rate, rate - mismatch, mismatch
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q6-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Three variables. The first says which half an image belongs to: one bit, log 2. The second says the same of all; the third has collapsed.
rng = np.random.default_rng([SEED, 26])
for m, sigma in ((1.0, 0.05), (rng.uniform(1, 3), rng.uniform(0.03, 0.1))):
    mean = np.array([[m, m, 0], [-m, m, 0], [m, m, 0], [-m, m, 0]])
    std = np.tile([sigma, 0.5, 1], (4, 1))
    rates, information, mismatch = split_rate(mean, std)
    first = (m**2 + sigma**2 - 1) / 2 - np.log(sigma)
    second = (m**2 + 0.25 - 1) / 2 + np.log(2)
    check(rates, [first, second, 0], tolerance=1e-4)
    check(information, [np.log(2), 0, 0], tolerance=1e-4)
    check(mismatch, [first - np.log(2), second, 0], tolerance=1e-4)

# %% nbgrader={"grade": true, "grade_id": "q6-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: many images whose laws overlap, narrow and wide ones among them: against integrals made otherwise
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 10])
N, M = 12, 4
mean = np.clip(rng.normal(size=(N, M)) * [1, 3, 2, 0.3], -6, 6)
std = rng.uniform(0.2, 0.9, size=(N, M)) * [1, 3, 0.2, 1]
std[::3, 3] = rng.uniform(0.02, 0.04, size=4)
nodes, weight = np.polynomial.legendre.leggauss(16)
want = np.zeros((3, M))
for j in range(M):
    for n in range(N):  # E over q_n, on pieces of its line
        edges = mean[n, j] + std[n, j] * np.linspace(-9, 9, 401)
        half = (edges[1] - edges[0]) / 2
        z = ((edges[:-1] + edges[1:]) / 2)[:, None] + half * nodes
        log_q = [
            -(((z - m) / s) ** 2) / 2 - np.log(s * np.sqrt(2 * np.pi))
            for m, s in zip(mean[:, j], std[:, j], strict=True)
        ]
        log_all = special.logsumexp(log_q, axis=0) - np.log(N)
        log_prior = -(z**2) / 2 - np.log(2 * np.pi) / 2
        q = np.exp(log_q[n]) * half * weight / N
        want[:, j] += [
            (q * (log_q[n] - log_prior)).sum(),
            (q * (log_q[n] - log_all)).sum(),
            (q * (log_all - log_prior)).sum(),
        ]
for got, row in zip(split_rate(mean, std), want, strict=True):
    check(got, row, tolerance=1e-4)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q7-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 7. Train it (4 points)
#
# Train the model of question 4 on images, and return its parameters. Choose the size $M \le 16$ of the code, the number $H \le 128$ of hidden units of each network, the optimiser, and when to stop; all four calls of the tests together may take twenty seconds on one core. It is good to begin where the decoder says,
# for every $z$, the log-odds of each pixel's mean level.
#
# The hidden tests train on 1,000 digits and score 447 others, with their own bound. They shuffle the pixels and turn half of them into negatives (`disguised` above), so that nobody needs to look the digits up. Networks that say the same whatever they read reach about 250 nats. With one hundred weights minus the bound must be at most 100 nats; and minus the bound of question 4,
# which has one weight and depends more on a good encoder, at most 105.
#
# If one hundred weights are far better than one, look at what your encoder's last $M$ numbers mean. If the rate is near zero, your variables have collapsed: is a sum over the pixels set against a sum over the latent variables?
#
# *Trains: all of chapter 14; a bound that a held-out image pays; collapse, and other ways to learn nothing.*


# %% nbgrader={"grade": false, "grade_id": "q7", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, generator):
    """The dict of "encoder" and "decoder" of question 4, dicts of arrays "W", "c", "V", "e".

    images is (N, D), integers from 0 to 16.
    """
    ### BEGIN SOLUTION
    x, M, H, epochs, batch = torch.as_tensor(images).float(), 16, 128, 60, 50
    N, D = x.shape
    odds = (x.mean(0) + 0.1) / (16.1 - x.mean(0))
    layers = []
    for before, after, e in ((D, 2 * M, torch.zeros(2 * M)), (M, D, odds.log())):
        W = torch.randn(H, before, generator=generator) / before**0.5
        V = 0.1 * torch.randn(after, H, generator=generator) / H**0.5
        layers.append([w.requires_grad_() for w in (W, torch.zeros(H), V, e)])
    encoder, decoder = layers

    def run(layer, value):
        W, c, V, e = layer
        return torch.tanh(value @ W.T + c) @ V.T + e

    steps = epochs * max(N // batch, 1)
    optimizer = torch.optim.Adam(encoder + decoder, lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        image = x[torch.randint(N, (batch,), generator=generator)]
        mean, log_var = run(encoder, image / 8 - 1).chunk(2, 1)
        z = mean + (log_var / 2).exp() * torch.randn(mean.shape, generator=generator)
        a = run(decoder, z)
        distortion = 16 * torch.nn.functional.softplus(a).sum(1) - (image * a).sum(1)
        price = (mean**2 + log_var.exp() - 1 - log_var).sum(1) / 2
        optimizer.zero_grad()
        (distortion + price).mean().backward()
        optimizer.step()
        schedule.step()
    encoder, decoder = ([w.detach().numpy() for w in layer] for layer in (encoder, decoder))
    encoder = dict(zip("WcVe", encoder, strict=True))
    return {"encoder": encoder, "decoder": dict(zip("WcVe", decoder, strict=True))}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q7-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two hundred images of nine pixels that are all white or all black, to see that it runs, and that it draws from its generator alone.
rng = np.random.default_rng([SEED, 27])
ink = 16 * (rng.uniform(size=200) < rng.uniform(0.3, 0.7)).astype(int)
few = np.repeat(ink[:, None], 9, axis=1)
params, again = train(few, seeded(1)), train(few, seeded(1))
H, M = len(params["encoder"]["c"]), np.shape(params["decoder"]["W"])[1]
assert M <= 16, f"M is {M}"
for name, before, after in (("encoder", 9, 2 * M), ("decoder", M, 9)):
    H = len(params[name]["c"])
    assert H <= 128, f"H is {H}"
    shapes = {key: np.shape(value) for key, value in params[name].items()}
    assert shapes == {"W": (H, before), "c": (H,), "V": (after, H), "e": (after,)}, f"{shapes}"
    for key in "WcVe":
        check(again[name][key], params[name][key], tolerance=1e-3)
# What stands on the card of a black image, its mean, must let the decoder paint black, and that of a white one white.
nets = {n: {k: np.asarray(v, dtype=float) for k, v in p.items()} for n, p in params.items()}
for level in (0, 16):
    code = net(nets["encoder"], np.full((1, 9), level / 8 - 1.0))[:, :M]
    p = (
        special.expit(net(nets["decoder"], code))
        if level
        else special.expit(-net(nets["decoder"], code))
    )
    assert p.min() > 0.9, f"the reconstruction of level {level} has the probability {p.min():.2f}"

# %% nbgrader={"grade": true, "grade_id": "q7-decoder", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: at most 100 nats on images that were not in the training set, by the bound with one hundred weights
### BEGIN HIDDEN TESTS
from coursepkg.data.digits import load_split

rng = np.random.default_rng([SEED, 11])
images = disguised(rng, load_split())
params = train(images[:1000], seeded(int(rng.integers(2**31))))
nets = {
    n: {k: np.asarray(params[n][k], dtype=float) for k in "WcVe"} for n in ("encoder", "decoder")
}
x, M = images[1350:], nets["decoder"]["W"].shape[1]
assert M <= 16
assert max(len(one["c"]) for one in nets.values()) <= 128
ways = special.gammaln(17) - special.gammaln(x + 1) - special.gammaln(17 - x)
out, log_w = net(nets["encoder"], x / 8 - 1), []
for _ in range(100):
    eps = rng.normal(size=(len(x), M))
    z = out[:, :M] + np.exp(out[:, M:] / 2) * eps
    a = net(nets["decoder"], z)
    assert np.abs(a).max() < 1e6  # else rounding swallows the score
    log_p = (ways + x * special.log_expit(a) + (16 - x) * special.log_expit(-a)).sum(1)
    log_w.append(log_p + (eps**2 + out[:, M:] - z**2).sum(1) / 2)
nats = -(special.logsumexp(log_w, axis=0) - np.log(100)).mean()
assert nats <= 100, f"{nats} nats"
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q7-encoder", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: at most 105 nats on images that were not in the training set, by the bound with one weight
### BEGIN HIDDEN TESTS
from coursepkg.data.digits import load_split

rng = np.random.default_rng([SEED, 12])
images = disguised(rng, load_split())
params = train(images[:1000], seeded(int(rng.integers(2**31))))
nets = {
    n: {k: np.asarray(params[n][k], dtype=float) for k in "WcVe"} for n in ("encoder", "decoder")
}
x, M = images[1350:], nets["decoder"]["W"].shape[1]
assert M <= 16
assert max(len(one["c"]) for one in nets.values()) <= 128
ways = special.gammaln(17) - special.gammaln(x + 1) - special.gammaln(17 - x)
out = net(nets["encoder"], x / 8 - 1)
mean, variance = out[:, :M], np.exp(out[:, M:])
nats = (mean**2 + variance - 1 - out[:, M:]).sum(1).mean() / 2
for _ in range(20):
    a = net(nets["decoder"], mean + np.sqrt(variance) * rng.normal(size=mean.shape))
    assert np.abs(a).max() < 1e6  # else rounding swallows the score
    log_p = ways + x * special.log_expit(a) + (16 - x) * special.log_expit(-a)
    nats -= log_p.sum(1).mean() / 20
assert nats <= 105, f"{nats} nats"
### END HIDDEN TESTS
