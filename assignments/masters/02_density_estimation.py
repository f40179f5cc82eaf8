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
# grader: delete = coursepkg.models.nonparametric, coursepkg.models.mixtures, coursepkg.models.copula
# grader: close = sklearn.mixture
# grader: seconds = 140

# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 2: Density estimation
#
# Six questions, 20 points, on [chapter 2](https://your-organisation.github.io/generative-models/notebooks/02_density_estimation.html).
# Write your code in place of `raise NotImplementedError`. Below each question stands a test that you can run as often as
# you like, and an empty cell whose comment says what the hidden test looks at. Run the whole notebook from the top
# before you hand it in. The tests draw their numbers from `SEED`, and the grader has another one; five digits are enough.
#
# All logarithms are natural and all information is in nats; the logarithm of zero is $-\infty$. Your functions get NumPy arrays. Return NumPy
# arrays, or what the docstring says. Whatever is random must come from the `generator` that your function is given. You may use NumPy, SciPy and PyTorch
# (the grader has no `sklearn.mixture`).

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np
import torch
from scipy import integrate, special, stats

SEED = 0  # the tests draw their numbers from it; the grader has its own


def seeded(seed):
    """A torch.Generator that starts from `seed`."""
    return torch.Generator().manual_seed(seed)


def check(got, want, tolerance=1e-5):
    """The same shape and the same numbers; NaN is no number."""
    want = np.asarray(want, dtype=float)
    assert np.shape(got) == want.shape, f"shape {np.shape(got)}, expected {want.shape}"
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance, equal_nan=False)


def check_law(draws, cdf):
    """Independent draws from this law fail once in a million runs (Dvoretzky, Kiefer, Wolfowitz)."""
    x = np.sort(np.asarray(draws, dtype=float))
    assert np.isfinite(x).all(), "not all draws are finite"
    F, n = cdf(x), len(x)
    gap = max((np.arange(1, n + 1) / n - F).max(), (F - np.arange(n) / n).max())
    assert gap < np.sqrt(np.log(2e6) / (2 * n)), f"the distribution functions differ by {gap:.3f}"


def disguised(rng, split, digits):
    """All digits and their labels, as no one has seen them: half of the pixels are negatives, the
    pixels come in another order, and the classes have other names. The first 1,350 images, which
    are shuffled, may be trained on.
    """
    images, labels = (np.concatenate([part.numpy() for part in parts]) for parts in (split, digits))
    images = np.where(rng.uniform(size=64) < 0.5, images, 16 - images)[:, rng.permutation(64)]
    rows = np.append(rng.permutation(1350), np.arange(1350, 1797))
    return images[rows], rng.permutation(10)[labels][rows]


# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. A histogram with unequal cells (3 points)
#
# The cells of a histogram need not be equally wide: cell $k$ reaches from $e_k$ to $e_{k+1}$. Act as if each cell had been hit `smoothing`
# times before the data came. What density does that give? Outside the cells it is zero.
#
# *Trains: probability is density times width; what smoothing adds to the denominator.*


# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_histogram(x, data, edges, smoothing):
    """log p(x), shape (B,), nats.

    x is (B,); data is (N,), all of it inside the cells; edges is (K + 1,), increasing;
    `smoothing` is a number >= 0. No test puts a point exactly on an edge.
    """
    ### BEGIN SOLUTION
    count = np.histogram(data, edges)[0] + smoothing
    with np.errstate(divide="ignore"):
        log_p = np.log(count / count.sum() / np.diff(edges))
    cell = np.searchsorted(edges, x, side="right") - 1
    inside = (cell >= 0) & (cell < len(count))
    return np.where(inside, log_p[np.clip(cell, 0, len(count) - 1)], -np.inf)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two cells, three data and one of them in the second cell. If the widths are 1 and 3: 2/3 and 1/9.
narrow, wide = np.random.default_rng([SEED, 21]).uniform([0.5, 2], [1.5, 4]).tolist()
for one, two in ((1.0, 3.0), (narrow, wide)):
    edges, data = np.array([0, one, one + two]), np.array([0.2, 0.4, one + 1.5])
    x = np.array([0.3, one + 1.0])
    check(log_histogram(x, data, edges, 0), np.log([2 / 3 / one, 1 / 3 / two]))

# %% nbgrader={"grade": true, "grade_id": "q1-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: other widths, with smoothing and without; the area is 1; an empty cell; points outside, on either side
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 1])
K = 5
edges = np.cumsum(rng.uniform(0.3, 2, size=K + 1)) - 4
cells = np.repeat(np.arange(K - 1), rng.integers(2, 9, size=K - 1))  # the last is empty
data = edges[cells] + rng.uniform(0.1, 0.9, size=len(cells)) * np.diff(edges)[cells]
x = edges[:-1] + rng.uniform(0.1, 0.9, size=K) * np.diff(edges)
outside = np.array([edges[0] - 0.5, edges[-1] + 0.5])
smoothing = rng.uniform(0.2, 2)
for add in (smoothing, 0.0):
    want = []
    for k in range(K):
        hits = sum(1 for value in data if edges[k] < value < edges[k + 1])
        p = (hits + add) / (len(data) + K * add)
        want.append(np.log(p / (edges[k + 1] - edges[k])) if p > 0 else -np.inf)
    got = np.asarray(log_histogram(x, data, edges, add))
    check(got, want)
    check(np.sum(np.exp(got) * np.diff(edges)), 1)
    check(log_histogram(outside, data, edges, add), [-np.inf, -np.inf])
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. Leave one out (3 points)
#
# A kernel estimate puts a Gaussian around every point, here with a bandwidth $h_d$ of its own for each coordinate $d$. To choose the bandwidths one asks how
# probable each point is under the estimate that is made of the *other* $N - 1$ points. Compute that.
#
# *Trains: the Gaussian constant in $D$ dimensions; why a point must not vouch for itself, though its twin may; outliers.*


# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leave_one_out(x, bandwidth):
    """log p(x_i) under the estimate made of the others, shape (N,), nats.

    x is (N, D) with N >= 2, and two rows may be equal; bandwidth is (D,), the standard deviations
    of the kernel.
    """
    ### BEGIN SOLUTION
    N = len(x)
    z = (x[:, None] - x) / bandwidth
    log_kernel = -0.5 * (z**2).sum(-1) - np.log(bandwidth * np.sqrt(2 * np.pi)).sum()
    np.fill_diagonal(log_kernel, -np.inf)
    return special.logsumexp(log_kernel, axis=1) - np.log(N - 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two points: each sees the other's Gaussian.
a, h = np.random.default_rng([SEED, 22]).uniform(0.5, 3, size=2).tolist()
check(leave_one_out(np.array([[0.0], [a]]), np.array([h])), [stats.norm(0, h).logpdf(a)] * 2)

# %% nbgrader={"grade": true, "grade_id": "q2-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: several coordinates with different bandwidths, and two points that are equal
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 2])
x = rng.normal(size=(12, 3))
x[7] = x[4]
h = rng.uniform(0.3, 1.5, size=3)
want = []
for i in range(12):
    p = [stats.norm(x[j], h).pdf(x[i]).prod() for j in range(12) if j != i]
    want.append(np.log(np.sum(p) / 11))
check(leave_one_out(x, h), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q2-outlier", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: a point so far from all others that no floating-point number holds its density, though one holds the logarithm
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 3])
x = rng.normal(size=(6, 2))
x[3] = [90.0, -70.0]
h = rng.uniform(0.5, 1.5, size=2)
want = []
for i in range(6):
    log_p = [stats.norm(x[j], h).logpdf(x[i]).sum() for j in range(6) if j != i]
    want.append(max(log_p) + np.log(np.mean(np.exp(np.array(log_p) - max(log_p)))))
check(leave_one_out(x, h), want)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. The bound, and what is missing (3 points)
#
# A model says $\log p(x, z)$ for each of $M$ hidden states $z$. For any law $q(z)$ there is a lower bound on $\log p(x)$, which the E step of EM raises until it
# touches. Compute the bound and the gap between it and $\log p(x)$. Which divergence is the gap, and in which direction?
#
# *Trains: the bound of chapter 2; $0 \log 0$; arithmetic with numbers like $e^{-2000}$.*


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_and_gap(log_joint, q):
    """A dict with "bound" and "gap", arrays (N,) in nats.

    log_joint[n, z] is log p(x_n, z) and q[n, z] is q_n(z), both (N, M); the rows of q sum to 1.
    q may be 0 in places, and is wherever log_joint is -inf.
    """
    ### BEGIN SOLUTION
    used = np.where(q > 0, log_joint, 0.0)
    bound = (q * used).sum(1) - special.xlogy(q, q).sum(1)
    return {"bound": bound, "gap": special.logsumexp(log_joint, axis=1) - bound}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q3-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# p(x, z) is 0.1 and 0.3. The posterior closes the gap, for other numbers too; another q does not.
p = np.append([[0.1, 0.3]], np.random.default_rng([SEED, 23]).uniform(0.1, 0.4, size=(3, 2)), 0)
posterior = p / p.sum(1, keepdims=True)
result = bound_and_gap(np.log(p), posterior)
check(result["bound"], np.log(p.sum(1)))
check(result["gap"], np.zeros(4))
result = bound_and_gap(np.log(p), np.array([[0.05, 0.95], [0.95, 0.05]]).repeat(2, 0))
assert (np.asarray(result["gap"]) > 0.001).all(), "a q that is not the posterior leaves a gap"
assert (np.asarray(result["bound"]) < np.log(p.sum(1))).all(), "a bound is below"

# %% nbgrader={"grade": true, "grade_id": "q3-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any q, several x: both numbers, against the definitions written out
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 4])
joint, q = rng.uniform(0.01, 0.3, size=(5, 4)), rng.dirichlet(np.ones(4), size=5)
result = bound_and_gap(np.log(joint), q)
bound, gap = np.zeros(5), np.zeros(5)
for n, z in np.ndindex(5, 4):
    bound[n] += q[n, z] * np.log(joint[n, z] / q[n, z])
    gap[n] += q[n, z] * np.log(q[n, z] * joint[n].sum() / joint[n, z])
check(result["bound"], bound)
check(result["gap"], gap)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q3-edges", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: a q with zeros, states that are impossible, and probabilities that no floating-point number can hold
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 5])
log_joint, q = rng.normal(size=(3, 4)), rng.dirichlet(np.ones(4), size=3)
q[1, 2], q[2] = 0, [0, 1, 0, 0]
log_joint[2, 3] = -np.inf
q = q / q.sum(1, keepdims=True)
bound, total = np.zeros(3), np.exp(log_joint).sum(1)
for n, z in np.ndindex(3, 4):
    if q[n, z] > 0:
        bound[n] += q[n, z] * (log_joint[n, z] - np.log(q[n, z]))
for shift in (0, -2000):
    result = bound_and_gap(log_joint + shift, q)
    check(result["bound"], bound + shift)
    check(result["gap"], np.log(total) - bound, tolerance=1e-7)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. One step of EM with a shared covariance (4 points)
#
# In a mixture of Gaussians let all components share *one* covariance matrix. Derive the M step for it: which $\Sigma$ maximises the bound, given the responsibilities? Then write one
# whole step of EM, first the E step with the old parameters, then the M step.
#
# *Trains: responsibilities; weighted averages, and what each is divided by; the order of the updates.*


# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def em_step(x, weights, means, covariance):
    """The new (weights, means, covariance), arrays (M,), (M, D) and (D, D).

    x is (N, D). The arguments are the old parameters, with the same shapes as the new; weights are
    positive and sum to 1. The new covariance is the maximiser of the bound: add nothing to it.
    """
    ### BEGIN SOLUTION
    away = x[:, None] - means  # (N, M, D)
    squares = np.einsum("nmd,de,nme->nm", away, np.linalg.inv(covariance), away)
    # all components have the same log-determinant, which cancels
    r = special.softmax(np.log(weights) - 0.5 * squares, axis=1)
    total = r.sum(0)
    means = r.T @ x / total[:, None]
    away = x[:, None] - means
    covariance = np.einsum("nm,nmd,nme->de", r, away, away) / len(x)
    return total / len(x), means, covariance
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q4-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Pairs of points, far apart, one on the left and one or more on the right: each component takes one side, whose mean
# is -a or a and whose variance is s².
rng = np.random.default_rng([SEED, 24])
a, s, pairs = rng.uniform(9, 11), rng.uniform(0.5, 1.5), int(rng.integers(1, 5))
x = np.array([[-a - s], [-a + s]] + pairs * [[a - s], [a + s]])
weights, means, covariance = em_step(x, np.full(2, 0.5), np.array([[-8.0], [8]]), np.eye(1))
check(weights, np.array([1, pairs]) / (1 + pairs))
check(means, [[-a], [a]])
check(covariance, [[s**2]])

# %% nbgrader={"grade": true, "grade_id": "q4-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: overlapping components of unequal weight, correlated coordinates
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 6])
N, M, D = 30, 3, 2
x = rng.normal(size=(N, D)) * [2, 1]
old_weights, old_means = rng.dirichlet(np.full(M, 4.0)), rng.normal(size=(M, D))
A = rng.normal(size=(D, D))
old_covariance = A @ A.T + np.eye(D)
joint = np.empty((N, M))
for z in range(M):
    joint[:, z] = old_weights[z] * stats.multivariate_normal(old_means[z], old_covariance).pdf(x)
r = joint / joint.sum(1, keepdims=True)
want_means = np.stack([np.average(x, axis=0, weights=r[:, z]) for z in range(M)])
want_covariance = np.zeros((D, D))
for n, z in np.ndindex(N, M):
    want_covariance += r[n, z] * np.outer(x[n] - want_means[z], x[n] - want_means[z]) / N
weights, means, covariance = em_step(x, old_weights, old_means, old_covariance)
check(weights, r.mean(0))
check(means, want_means)
check(covariance, want_covariance)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q4-far", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: a point so far from all components that each of them gives it the density 0 in floating point; it has responsibilities all the same
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 7])
x = rng.normal(size=(8, 2))
x[5] = [60.0, 10.0]
old_weights, old_means = np.array([0.3, 0.7]), np.array([[-1.0, 0.2], [-1.05, 0.1]])
r = np.empty((8, 2))
for n in range(8):
    log_p = [
        np.log(w) + stats.norm(m, 0.5).logpdf(x[n]).sum()
        for w, m in zip(old_weights, old_means, strict=True)
    ]
    r[n, 0] = 1 / (1 + np.exp(np.clip(log_p[1] - log_p[0], -700, 700)))
    r[n, 1] = 1 / (1 + np.exp(np.clip(log_p[0] - log_p[1], -700, 700)))
want_means = np.stack([np.average(x, axis=0, weights=r[:, z]) for z in range(2)])
weights, means, covariance = em_step(x, old_weights, old_means, 0.25 * np.eye(2))
check(weights, r.mean(0), tolerance=1e-7)
check(means, want_means, tolerance=1e-7)
want = sum((r[:, z] * (x - want_means[z]).T) @ (x - want_means[z]) for z in range(2)) / 8
check(covariance, want, tolerance=1e-7)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. The other coordinate (3 points)
#
# A kernel estimate of the joint density of two numbers is a mixture of $N$ round Gaussians, one around each point $(a_i, b_i)$. The first number has been observed, $a$. Draw the second from $p(b \mid a)$.
# A point whose $a_i$ is far from $a$ should seldom be chosen; how seldom?
#
# *Trains: conditioning a mixture; sampling from it; weights that underflow.*


# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_given(a, points, bandwidth, n, generator):
    """n independent draws of b given a, shape (n,).

    a is a number, points is (N, 2) with rows (a_i, b_i), and bandwidth > 0 is the kernel's standard
    deviation in both directions.
    """
    ### BEGIN SOLUTION
    weights = special.softmax(-0.5 * ((a - points[:, 0]) / bandwidth) ** 2)
    i = torch.multinomial(torch.as_tensor(weights), n, replacement=True, generator=generator)
    noise = torch.randn(n, generator=generator, dtype=torch.float64).numpy()
    return points[i.numpy(), 1] + bandwidth * noise
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q5-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One point: b is normal around its b, whatever a is. A right answer fails once in a million runs. Equal generators
# draw the same, others do not.
rng = np.random.default_rng([SEED, 25])
point, h, draw = rng.normal(size=(1, 2)) * 3, rng.uniform(1, 2), int(rng.integers(2**31))
b, again, other = (draw_given(0.5, point, h, 5_000, seeded(s)) for s in (draw, draw, draw + 1))
assert np.shape(b) == (5_000,), f"shape {np.shape(b)}"
check_law(b, stats.norm(point[0, 1], h).cdf)
check(again, b)
assert np.abs(np.asarray(other) - np.asarray(b)).max() > 1e-3, "another generator drew the same"

# %% nbgrader={"grade": true, "grade_id": "q5-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: several points, near to a and farther away: the distribution function of many draws; draws that do not depend on one another
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 8])
a, n, h = rng.normal(), 20_000, rng.uniform(0.3, 0.6)
points = np.stack([a + h * rng.uniform(-2, 2, size=5), 4 * h * rng.permutation(5)], 1)
p = stats.norm(points[:, 0], h).pdf(a)
p = p / p.sum()
draw = int(rng.integers(2**31))
b, other = (
    np.asarray(draw_given(a, points, h, n, seeded(s)), dtype=float) for s in (draw, draw + 1)
)
assert b.shape == other.shape == (n,)
check_law(b, lambda x: stats.norm(points[:, 1], h).cdf(x[:, None]) @ p)
z, z_other = ((one - one.mean()) / one.std() for one in (b, other))
assert abs((z[1:] * z[:-1]).mean()) < 6 / np.sqrt(n)
assert abs((z * z_other).mean()) < 6 / np.sqrt(n)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q5-far", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: an a so far from all points that the kernel there is 0 in floating point
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 9])
h, n = rng.uniform(0.5, 1), 20_000
# seen from 100 h away, the weights of the two nearest points are as 2 to 1
points = h * np.array([[0.0, 0.0], [-np.log(2) / 100, 6.0], [-1.0, 12.0]])
log_p = -0.5 * ((100 * h - points[:, 0]) / h) ** 2
p = np.exp(log_p - log_p.max())
p = p / p.sum()
draw = int(rng.integers(2**31))
b, other = (np.asarray(draw_given(100 * h, points, h, n, seeded(s))) for s in (draw, draw + 1))
assert b.shape == (n,)
assert np.abs(other - b).max() > 1e-3
check_law(b, lambda x: stats.norm(points[:, 1], h).cdf(x[:, None]) @ p)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q6-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. A thousand digits, two hundred labels (4 points)
#
# Labels are dear and images are cheap. Train a mixture with one component for each class, in which the pixels are independent given the class:
# $p(x) = \sum_c w_c \prod_d p_{c,d}(x_d)$. Where the label is known, so is the component. Where it is not, the class is hidden, and EM
# fills it in with the responsibilities. How to begin, when to stop, and the smoothing of the tables are yours to choose; all calls of the tests together may take twenty seconds on one core.
#
# The hidden test trains on 1,000 digits of which 200 have labels, and looks at others. You need at most 103 nats, and 70 % of the images in the right class. (Two hundred images alone reach about 109 nats. EM
# without labels reaches 100 nats, but does not know which component is which digit.) So that nobody needs to look the digits up, their pixels come in an order of their own, half of them as negatives, and the
# classes have other names: `disguised` above. This model does not mind.
#
# *Trains: EM on real data; supervised and unsupervised learning as one likelihood.*


# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, labels, classes, levels, generator):
    """A dict with "weights", (C,), and "p", (C, D, K).

    p[c, d, k] is the probability of level k at pixel d in class c; none may be 0.
    images is (N, D), integers 0..K-1; labels is (N,), integers 0..C-1, or -1 where the label is
    not known. Each class has a label somewhere. `classes` is C and `levels` is K.
    """
    ### BEGIN SOLUTION
    onehot = np.eye(levels)[images].reshape(len(images), -1)  # (N, D K)
    known = labels >= 0
    r = np.where(known[:, None], np.eye(classes)[labels], 0.0)
    for _ in range(20):
        weights = (r.sum(0) + 1) / (r.sum() + classes)
        count = (r.T @ onehot).reshape(classes, -1, levels) + 0.2
        p = count / count.sum(2, keepdims=True)
        log_joint = np.log(weights) + onehot @ np.log(p).reshape(classes, -1).T
        r[~known] = special.softmax(log_joint, axis=1)[~known]
    return {"weights": weights, "p": p}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q6-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two classes, each of one image, and a label for each class. The images without a label are of the same two kinds,
# three of the one and one of the other.
rng = np.random.default_rng([SEED, 26])
D, some = int(rng.integers(2, 6)), np.array([0, 1, -1, -1, -1, -1])
kinds = rng.permutation(3)[:2].repeat(D).reshape(2, D)
for often in (0, 1):
    few = kinds[[0, 1, often, often, 1 - often, often]]
    model = train(few, some, 2, 3, seeded(1))
    weights, p = np.asarray(model["weights"], dtype=float), np.asarray(model["p"], dtype=float)
    assert weights.shape == (2,), f"shape of weights {weights.shape}"
    assert p.shape == (2, D, 3), f"shape of p {p.shape}"
    check(weights.sum(), 1)
    check(p.sum(2), np.ones((2, D)))
    assert (p > 0).all(), "a level that was never seen may still come"
    assert (p.argmax(2) == kinds).all(), "each class has its own level"
    assert weights[often] > weights[1 - often], "four of the six images are of one kind"
again = train(few, some, 2, 3, seeded(1))
check(again["p"], p)

# %% nbgrader={"grade": true, "grade_id": "q6-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: at most 103 nats on images that were not in the training set
### BEGIN HIDDEN TESTS
from coursepkg.data.digits import load_labels, load_split

rng = np.random.default_rng([SEED, 10])
images, labels = disguised(rng, load_split(), load_labels())
some = np.where(np.arange(1000) < 200, labels[:1000], -1)
model = train(images[:1000], some, 10, 17, seeded(int(rng.integers(2**31))))
weights, p = (np.asarray(model[name], dtype=float) for name in ("weights", "p"))
assert weights.shape == (10,)
assert p.shape == (10, 64, 17)
assert (weights > 0).all()
assert (p > 0).all()
assert abs(weights.sum() - 1) < 1e-5
assert np.abs(p.sum(2) - 1).max() < 1e-5
x = images[1350:]
log_joint = np.log(weights) + sum(np.log(p[:, d, x[:, d]]).T for d in range(64))
nats = -special.logsumexp(log_joint, axis=1).mean()
assert nats <= 103, f"{nats} nats"
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q6-classes", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: 70 % of images that were not in the training set are in the right class
### BEGIN HIDDEN TESTS
from coursepkg.data.digits import load_labels, load_split

rng = np.random.default_rng([SEED, 11])
images, labels = disguised(rng, load_split(), load_labels())
some = np.where(np.arange(1000) < 200, labels[:1000], -1)
model = train(images[:1000], some, 10, 17, seeded(int(rng.integers(2**31))))
weights, p = (np.asarray(model[name], dtype=float) for name in ("weights", "p"))
assert weights.shape == (10,)
assert p.shape == (10, 64, 17)
assert (weights > 0).all()
assert (p > 0).all()
x = images[1350:]
log_joint = np.log(weights) + sum(np.log(p[:, d, x[:, d]]).T for d in range(64))
right = np.mean(log_joint.argmax(1) == labels[1350:])
assert right >= 0.7, f"{right:.0%} are right"
### END HIDDEN TESTS
