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
# grader: delete = coursepkg.models.flows, coursepkg.models.dequantised, coursepkg.models.transformed, coursepkg.models.copula, coursepkg.evaluation.importance
# grader: seconds = 240

# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 11: Flows
#
# Seven questions, 20 points: four on [chapter 11](https://your-organisation.github.io/generative-models/notebooks/11_realnvp.html) and three on [chapter 12](https://your-organisation.github.io/generative-models/notebooks/12_residual_flows.html).
# Write your code in place of `raise NotImplementedError`. Below each question stands a test that you can run as often as
# you like, and an empty cell whose comment says what the hidden test looks at. Run the whole notebook from the top
# before you hand it in. The tests draw their numbers from `SEED`, and the grader has another one; five digits are enough.
#
# A batch of $B$ points in $D$ dimensions is an array (B, D), one point a row. All logarithms are natural, and log-determinants and
# log-densities are in nats. Return NumPy arrays, or what the docstring says. Whatever is random must come
# from the `generator` that your function is given. You may use NumPy, SciPy and PyTorch, and the functions of the next cell.

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


def log_density(density, y):
    """log f(y), (B,), of a mixture of C products of logistic laws; y is (B, D).

    density is a dict of arrays: "weights" (C,), "means" (C, D), "scales" (C, D).
    """
    z = (y[:, None] - density["means"]) / density["scales"]
    log_f = -np.abs(z) - 2 * np.log1p(np.exp(-np.abs(z))) - np.log(density["scales"])
    return special.logsumexp(log_f.sum(2) + np.log(density["weights"]), axis=1)


def swirl(params, t, x):
    """A velocity that is linear in x: A x + t b for each row of x (B, D); t is (B,)."""
    return x @ params["A"].T + t[:, None] * params["b"]


# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. From a recipe to a density (2 points)
#
# A model draws $z$ standard normal in $D$ dimensions and shows us $x = \sinh(Wz + b)$, where $W$ is an invertible matrix and the hyperbolic sine is taken of each
# component. Compute $\log p(x)$ for given $x$. The recipe goes from $z$ to $x$; the density needs the way back, and what both steps do to volumes.
# $D$ may be some hundreds, and a determinant too small for a floating-point number.
#
# *Trains: change of variables; which way the determinant counts; determinants in logarithms.*


# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(x, W, b):
    """log p(x) of each row of x (B, D), an array (B,); W is (D, D) and b is (D,)."""
    ### BEGIN SOLUTION
    z = np.linalg.solve(W, (np.arcsinh(x) - b).T).T
    log_normal = -(z**2).sum(1) / 2 - x.shape[1] * np.log(2 * np.pi) / 2
    return log_normal - np.linalg.slogdet(W)[1] - np.log1p(x**2).sum(1) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Where z = 0 and x = 0: only W stretches, here by 2 and by 3, and by other factors.
for m in ([2.0, 3.0], np.random.default_rng([SEED, 21]).uniform(2, 9, size=2)):
    got = log_prob(np.zeros((1, 2)), np.diag(m), np.zeros(2))
    check(got, [-np.log(2 * np.pi) - np.log(m).sum()])

# %% nbgrader={"grade": true, "grade_id": "q1-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any W and b, against the recipe's Jacobian; W of negative determinant; three hundred dimensions
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 1])
D = 4
for sign in (1, -1):
    W, b = rng.normal(size=(D, D)) / 2 + np.eye(D), rng.normal(size=D) / 2
    W[0] *= sign * np.sign(np.linalg.det(W))
    z, x, want = rng.normal(size=(3, D)), np.empty((3, D)), np.empty(3)
    for i in range(3):
        x[i] = np.sinh(W @ z[i] + b)
        nudge = 1e-5 * np.eye(D)
        slopes = [(np.sinh(W @ (z[i] + h) + b) - np.sinh(W @ (z[i] - h) + b)) / 2e-5 for h in nudge]
        volume = np.log(abs(np.linalg.det(np.array(slopes))))
        want[i] = -(z[i] @ z[i]) / 2 - D * np.log(2 * np.pi) / 2 - volume
    check(log_prob(x, W, b), want)
D = 300
turn, _ = np.linalg.qr(rng.normal(size=(D, D)))
z, small = rng.normal(size=(2, D)), rng.uniform(0.01, 0.02)
y = small * z @ turn.T
want = -(z**2).sum(1) / 2 - D * np.log(2 * np.pi) / 2 - D * np.log(small)
check(log_prob(np.sinh(y), small * turn, np.zeros(D)), want - np.log(np.cosh(y)).sum(1))
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. A coupling layer, there and back (3 points)
#
# `mask` is True where a variable passes unchanged. The others are first shifted, then scaled:
#
# $$ z_d = \bigl( x_d + t_d \bigr)\, \sigma( s_d + 2 ) , \qquad \sigma(a) = \frac{1}{1 + e^{-a}} . $$
#
# The network `net` above gives $s$ and $t$ for all $D$ variables, `net(params, ...)` being (B, 2 D): first the $D$ numbers $s$, then the $D$ numbers $t$. What it reads is $x$ with zeros
# at all the variables that are moved. What it says of variables that pass is not used.
#
# Write both directions. (The shift stands *inside*, unlike in chapter 11.)
#
# *Trains: a Jacobian that is triangular, so that its determinant is a sum of logarithms; why the network need not be invertible; the order in which two steps are undone.*


# %% nbgrader={"grade": false, "grade_id": "q2-there", "locked": false, "schema_version": 3, "solution": true, "task": false}
def couple(params, mask, x):
    """The pair of z, (B, D), and log |det ∂z/∂x|, (B,); x is (B, D), mask is (D,) of bool."""
    ### BEGIN SOLUTION
    s, t = np.split(net(params, x * mask), 2, axis=1)
    z = np.where(mask, x, (x + t) * special.expit(s + 2))
    return z, special.log_expit(s + 2)[:, ~mask].sum(1)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def uncouple(params, mask, z):
    """The x, (B, D), of which `couple` makes z, (B, D)."""
    ### BEGIN SOLUTION
    s, t = np.split(net(params, z * mask), 2, axis=1)
    return np.where(mask, z, z / special.expit(s + 2) - t)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# V = 0: the network says the same of each x. The second variable is moved: by 1, then by the factor 1/2; and by other numbers.
rng, mask = np.random.default_rng([SEED, 22]), np.array([True, False])
for factor, t in ((0.5, 1.0), (rng.uniform(0.2, 0.9), rng.normal())):
    params = {"W": np.ones((3, 2)), "c": np.zeros(3), "V": np.zeros((4, 3))}
    params["e"] = np.array([-1.0, special.logit(factor) - 2, 7.0, t])
    x = np.array([[5.0, 2], [4, -1]])
    z, log_det = couple(params, mask, x)
    want = np.array([[5, (2 + t) * factor], [4, (t - 1) * factor]])
    check(z, want)
    check(log_det, np.full(2, np.log(factor)))
    check(uncouple(params, mask, want), x)

# %% nbgrader={"grade": true, "grade_id": "q2-encode", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any network and mask: z by hand, and the log-determinant of its Jacobian by small differences
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 2])


def move(params, mask, x):
    out, z = net(params, x * mask), x.copy()
    for d in np.flatnonzero(mask == 0):
        z[:, d] = (x[:, d] + out[:, 5 + d]) / (1 + np.exp(-out[:, d] - 2))
    return z


for mask in map(np.array, ([0, 1, 1, 0, 0], rng.permutation([0, 0, 0, 1, 1]), [1, 1, 1, 0, 1])):
    shapes = {"W": (6, 5), "c": 6, "V": (10, 6), "e": 10}
    params = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    x, nudge = rng.normal(size=(3, 5)), 1e-5 * np.eye(5)
    slopes = np.stack([
        (move(params, mask, row + nudge) - move(params, mask, row - nudge)) / 2e-5 for row in x
    ])
    z, log_det = couple(params, mask.astype(bool), x)
    check(z, move(params, mask, x))
    check(log_det, np.log(np.abs(np.linalg.det(slopes))))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q2-decode", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any network and mask: back to where z came from
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 3])
for mask in map(np.array, ([0, 1, 1, 0, 0], rng.permutation([0, 0, 0, 1, 1]), [1, 1, 1, 0, 1])):
    shapes = {"W": (6, 5), "c": 6, "V": (10, 6), "e": 10}
    params = {name: rng.normal(size=shape) / 2 for name, shape in shapes.items()}
    x = rng.normal(size=(4, 5))
    out, z = net(params, x * mask), x.copy()
    for d in np.flatnonzero(mask == 0):
        z[:, d] = (x[:, d] + out[:, 5 + d]) * special.expit(out[:, d] + 2)
    check(uncouple(params, mask.astype(bool), z), x)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. The probability of a cell (3 points)
#
# An image of integers $x$ has the probability $p(x) = \int_{[0,1)^D} f(x + u)\, du$ that a density $f$ gives to its cell. Draw $K$ noises $u_1, \dots, u_K$ for each image, uniform on
# the whole cell and all independent, and return the logarithm of the estimate
#
# $$ \hat p(x) = \frac1K \sum_{k=1}^{K} f(x + u_k) . $$
#
# $\hat p(x)$ is right on average, whatever $K$; and its logarithm is, on average, at most $\log p(x)$. With 64 pixels $f$ itself is often smaller than the smallest floating-point number, so
# stay in logarithms. `log_density` above computes $\log f$.
#
# *Trains: dequantisation; a mean inside of the logarithm, and one outside; where a bound comes from.*


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_probability(density, x, draws, generator):
    """The logarithm of the estimate from K = `draws` noises, (B,); x is (B, D), integers."""
    ### BEGIN SOLUTION
    B, D = x.shape
    u = torch.rand(draws, B, D, generator=generator, dtype=torch.float64).numpy()
    log_f = [log_density(density, x + noise) for noise in u]
    return special.logsumexp(log_f, axis=0) - np.log(draws)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q3-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Logistic laws so wide that f is the same in all the cell, 1 / (4 m) in each dimension, for two scales m.
rng = np.random.default_rng([SEED, 23])
x = rng.integers(0, 5, size=(6, 3))
for m in (1e5, rng.uniform(2e5, 9e5)):
    flat = {"weights": np.ones(1), "means": np.zeros((1, 3)), "scales": np.full((1, 3), m)}
    check(log_probability(flat, x, 4, seeded(1)), np.full(6, -3 * np.log(4 * m)))
# Equal generators draw the same noise, others do not.
steep = {"weights": np.ones(1), "means": np.ones((1, 3)), "scales": np.full((1, 3), 0.3)}
draw = int(rng.integers(2**31))
some, again, other = (
    np.asarray(log_probability(steep, x, 2, seeded(s)), dtype=float) for s in (draw, draw, draw + 1)
)
check(again, some)
assert (abs(some - other) > 1e-6).any(), "another generator drew the same"

# %% nbgrader={"grade": true, "grade_id": "q3-unbiased", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: the mean of many estimates against the exact integral over the cell
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 4])
n = 20_000
for K in (1, 5):
    density = {
        "weights": rng.dirichlet(np.full(2, 5.0)),
        "means": rng.uniform(-1, 3, size=(2, 2)),
        "scales": rng.uniform(0.2, 0.4, size=(2, 2)),
    }
    x = np.rint(density["means"][0] + 1).astype(int)
    low, high = ((x + side - density["means"]) / density["scales"] for side in (0, 1))
    want = density["weights"] @ np.prod(special.expit(high) - special.expit(low), axis=1)
    nearest = np.clip(density["means"], x, x + 1)  # the highest point of each part
    top = np.exp(log_density(density, nearest)).sum()
    log_p = log_probability(density, np.tile(x, (n, 1)), K, seeded(int(rng.integers(2**31))))
    p = np.exp(np.asarray(log_p, dtype=float))
    assert p.shape == (n,)
    assert len(np.unique(p)) > n / 2  # each row has its own noise
    # f is between 0 and `top` in the cell: Hoeffding, wrong once in a million
    assert abs(p.mean() - want) < top * np.sqrt(np.log(2e6) / (2 * n * K))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q3-bound", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: how far the logarithm is below, on average, with one noise; 64 pixels of very small density
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 5])
n, nodes = 20_000, np.polynomial.legendre.leggauss(60)
means, scales = rng.uniform(0, 1, size=3), rng.uniform(0.1, 0.2, size=3)
density = {"weights": np.ones(1), "means": means[None], "scales": scales[None]}
x = np.array([0, 1, 1])
u, weight = (nodes[0] + 1) / 2, nodes[1] / 2
want = low = high = 0.0
for d in range(3):
    part = {"weights": np.ones(1), "means": means[None, [d]], "scales": scales[None, [d]]}
    line = log_density(part, (x[d] + np.append(u, [0, 1, np.clip(means[d] - x[d], 0, 1)]))[:, None])
    want, low, high = want + weight @ line[:60], low + line.min(), high + line.max()
log_p = log_probability(density, np.tile(x, (n, 1)), 1, seeded(int(rng.integers(2**31))))
log_p = np.asarray(log_p, dtype=float)
assert len(np.unique(log_p)) > n / 2  # each row has its own noise
# Hoeffding, wrong once in a million
assert abs(log_p.mean() - want) < (high - low) * np.sqrt(np.log(2e6) / (2 * n))
far = {"weights": np.ones(1), "means": np.zeros((1, 64)), "scales": np.full((1, 64), 0.25)}
x = rng.integers(3, 8, size=(5, 64))
got = np.asarray(log_probability(far, x, 7, seeded(int(rng.integers(2**31)))), dtype=float)
assert (got < log_density(far, x.astype(float))).all()  # f falls: the cell's corners bound it
assert (got > log_density(far, x + 1.0)).all()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. Activation normalisation of images (2 points)
#
# Images are now arrays (B, C, H, W) with $C$ channels. A layer stretches and shifts each channel, by the same numbers at each place:
#
# $$ z_{c,i,j} = e^{s_c}\, x_{c,i,j} + b_c . $$
#
# `fit_actnorm` finds $s$ and $b$ from a first batch, so that in each channel the numbers of all images and places together have mean 0 and
# mean square 1 after the layer. `actnorm` applies any $s$ and $b$.
#
# *Trains: data-dependent initialisation; how often a parameter counts in the determinant.*


# %% nbgrader={"grade": false, "grade_id": "q4-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_actnorm(x):
    """The pair (s, b), arrays (C,); x is (B, C, H, W)."""
    ### BEGIN SOLUTION
    mean, std = x.mean((0, 2, 3)), x.std((0, 2, 3))
    return -np.log(std), -mean / std
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q4-layer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def actnorm(x, s, b):
    """The pair of z, like x (B, C, H, W), and log |det ∂z/∂x| of each image, (B,)."""
    ### BEGIN SOLUTION
    B, _, H, W = x.shape
    return np.exp(s)[:, None, None] * x + b[:, None, None], np.full(B, H * W * s.sum())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q4-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Images of one pixel, 2 and 4 in the first channel, -m and m in the second; a layer that stretches one pixel.
for m in (3.0, np.random.default_rng([SEED, 24]).uniform(2, 9)):
    x = np.array([[2.0, -m], [4, m]])[:, :, None, None]
    s, b = fit_actnorm(x)
    check(s, [0, -np.log(m)])
    check(b, [-3, 0])
    z, log_det = actnorm(x, np.array([0, -np.log(m)]), np.array([-3.0, 1]))
    check(z[:, :, 0, 0], [[-1, 0], [1, 2]])
    check(log_det, [-np.log(m), -np.log(m)])

# %% nbgrader={"grade": true, "grade_id": "q4-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: larger images with several channels: what the layer makes of its first batch, and its determinant
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 6])
x = rng.normal(size=(3, 4, 2, 3)) * rng.uniform(0.2, 5, size=(4, 1, 1))
x += rng.uniform(-4, 4, size=(4, 1, 1)) + rng.normal(size=(3, 1, 1, 1))
s, b = (np.asarray(part, dtype=float) for part in fit_actnorm(x))
assert s.shape == b.shape == (4,)
for c in range(4):
    flat = np.exp(s[c]) * x[:, c].ravel() + b[c]
    check(flat.mean(), 0)
    check((flat**2).mean(), 1)
s, b = rng.normal(size=4), rng.normal(size=4)
z, log_det = actnorm(x, s, b)
check(z, [[np.exp(s[c]) * image[c] + b[c] for c in range(4)] for image in x])
jacobian = np.diag(np.repeat(np.exp(s), 6))  # of one image, 24 numbers
check(log_det, np.full(3, np.linalg.slogdet(jacobian)[1]))
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. Undoing a residual block (3 points)
#
# Let $g$ be `net(params, x)` with as many outputs as inputs, and let it be Lipschitz with a constant $c < 1$, which you are given as `contraction`. Solve $x + g(x) = z$ by $x_0 = z$,
# $x_{n} = z - g(x_{n-1})$. Stop at the first $n \ge 1$ at which you can be sure, from the last step alone and for every row, that
#
# $$ \lVert x_n - x \rVert \le \frac{c}{1 - c}\, \lVert x_n - x_{n-1} \rVert \le \varepsilon , $$
#
# where $\varepsilon$ is the `tolerance` and the norm is the Euclidean one. A small step alone tells little: with $c = 0.9$ the way that is left may be nine times as long.
#
# If $c$ is 1 or more, nothing of this holds: raise `ValueError`. Raise it too, instead of going on for ever or returning something, if the steps do not become as short as a contraction with this $c$ promises: then $g$ is no
# such contraction. (Step $n + 1$ is at most $c$ times step $n$; leave some room for rounding.)
#
# *Trains: Banach's theorem as an algorithm; a stopping rule that keeps its promise; errors in place of wrong answers.*


# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def invert(params, z, contraction, tolerance):
    """The pair of x, (B, D), and the number n of times that g was computed; z is (B, D).

    Raises ValueError as described above.
    """
    ### BEGIN SOLUTION
    if not 0 < contraction < 1:
        raise ValueError(f"expected a Lipschitz constant below 1, got {contraction}")
    x, n, before = z, 0, np.inf
    while True:
        x, last, n = z - net(params, x), x, n + 1
        step = np.linalg.norm(x - last, axis=1).max()
        if contraction * step <= tolerance * (1 - contraction):
            return x, n
        if step > 1.001 * contraction * before:
            raise ValueError(f"expected a contraction by {contraction}, got a step of {step}")
        before = step
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q5-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A constant g: the second step has the length 0. Then one dimension, g(x) = tanh(x) / 2, where x = m gives z = m + tanh(m) / 2.
rng = np.random.default_rng([SEED, 25])
shift = rng.normal(size=2)
params = {"W": np.ones((3, 2)), "c": np.zeros(3), "V": np.zeros((2, 3)), "e": shift}
x, n = invert(params, np.array([[1.0, 2], [3, 4]]), 0.5, 1e-3)
check(x, [1, 2] - shift + [[0, 0], [2, 2]])
assert n == 2, f"{n} steps"
params = {"W": np.ones((1, 1)), "c": np.zeros(1), "V": np.full((1, 1), 0.5), "e": np.zeros(1)}
for m in (1.0, rng.uniform(0.2, 3)):
    x, n = invert(params, np.array([[m + np.tanh(m) / 2]]), 0.5, 1e-3)
    assert abs(float(np.asarray(x)[0, 0]) - m) <= 1e-3, f"x is {x}, expected {m}"

# %% nbgrader={"grade": true, "grade_id": "q5-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: rows of different size and constants near 1: the distance from the solution, and the number of steps
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 7])
for c, D in ((0.9, 4), (0.95, 6), (0.3, 3)):
    # g is nearly -c x at small x, where the theorem's bound is attained
    params = {"W": np.eye(D), "c": np.zeros(D), "V": -c * np.eye(D), "e": np.zeros(D)}
    x = 0.02 * rng.choice([-1, 1], size=(8, D)) * rng.uniform(0.9, 1, size=(8, D))
    x[1:] /= 20
    z = x + net(params, x)
    bounds, old = [], z
    while len(bounds) < 400:
        new = z - net(params, old)
        bounds.append(c / (1 - c) * np.linalg.norm(new - old, axis=1).max())
        old = new
    stop = int(np.argmax(np.array(bounds) < 1e-3)) + 1
    tolerance = np.sqrt(bounds[stop - 1] * bounds[stop - 2]) if stop > 1 else 1.1 * bounds[0]
    got, n = invert(params, z, c, float(tolerance))
    assert n == stop, f"{n} steps"
    assert np.shape(got) == x.shape
    assert np.linalg.norm(np.asarray(got, dtype=float) - x, axis=1).max() <= 1.001 * tolerance
# a network without such symmetry: row by row, as small as the tolerance
D = 5
params = {"W": rng.normal(size=(7, D)), "c": rng.normal(size=7), "V": rng.normal(size=(D, 7))}
params["V"] *= 0.8 / np.linalg.norm(params["V"], 2) / np.linalg.norm(params["W"], 2)
params["e"] = rng.normal(size=D)
x = 3 * rng.normal(size=(20, D))
got, _ = invert(params, x + net(params, x), 0.8, 1e-4)
assert np.linalg.norm(np.asarray(got, dtype=float) - x, axis=1).max() <= 1.1e-4
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q5-errors", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: a constant of 1 or more, and a g that stretches more than it was said to
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 8])
D = 3
z = rng.uniform(1, 2, size=(4, D))


def scaled(factor):
    return {"W": np.eye(D), "c": np.zeros(D), "V": factor * np.eye(D), "e": np.zeros(D)}


x, _ = invert(scaled(0.5), z, 0.5, 1e-4)  # nothing is wrong here
x = np.asarray(x, dtype=float)
assert np.abs(x + net(scaled(0.5), x) - z).max() < 2e-4
wrong = [(0.5, 1.0), (0.5, rng.uniform(1.1, 3)), (3.0, 0.5), (rng.uniform(2, 4), 0.9)]
for factor, contraction in wrong:
    try:
        invert(scaled(factor), 0.1 * z if factor > 1 else z, contraction, 1e-4)
    except ValueError:
        continue
    raise AssertionError(f"no error: g stretches by {factor}, the constant is {contraction}")
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q6-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. A log-determinant from noise (3 points)
#
# For the block of question 5 let $J$ be the Jacobian of $g$ at $x$. Its log-determinant is a power series, and each trace in it is the mean of $v^\top J^k v$ over noise vectors $v$ with $\operatorname{\mathbb{E}} v v^\top = I$:
#
# $$ \log \det (I + J) = \sum_{k=1}^{\infty} \frac{(-1)^{k+1}}{k} \operatorname{tr} J^k . $$
#
# Stop after $n$ terms, and take the mean over the $S$ noise vectors that you are given:
#
# $$ \frac1S \sum_{i=1}^{S} \sum_{k=1}^{n} \frac{(-1)^{k+1}}{k}\, v_i^\top J^k v_i . $$
#
# Each point has its own $x$, its own $J$ and its own noise vectors. From $v^\top J^{k-1}$ it is one product to $v^\top J^k$, and `net` has a Jacobian that can be written down.
#
# *Trains: products with a Jacobian in place of a Jacobian; Hutchinson's estimate; the bias of a sum that was cut off.*


# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_det_estimate(params, x, v, terms):
    """The estimate for each row of x (B, D), an array (B,); v is (S, B, D), terms is n."""
    ### BEGIN SOLUTION
    h = np.tanh(x @ params["W"].T + params["c"])
    w, total = v, 0.0
    for k in range(1, terms + 1):
        w = ((w @ params["V"]) * (1 - h**2)) @ params["W"]  # vᵀJᵏ
        total = total - (-1) ** k / k * (w * v).sum(2).mean(0)
    return total
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q6-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One dimension and x = 0, so that J is the number a: a v², then a v² minus half of a² v², and so on.
rng = np.random.default_rng([SEED, 26])
for a, v in ((0.5, 1.0), rng.uniform(0.2, 2, size=2)):
    params = {"W": np.full((1, 1), a), "c": np.zeros(1), "V": np.ones((1, 1)), "e": np.ones(1)}
    noise = np.array([[[v], [-v]]])
    want = v**2 * np.cumsum([a, -(a**2) / 2, a**3 / 3])
    for terms in (1, 2, 3):
        got = log_det_estimate(params, np.zeros((2, 1)), noise, terms)
        check(got, np.full(2, want[terms - 1]))

# %% nbgrader={"grade": true, "grade_id": "q6-terms", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: several dimensions, points and noise vectors: against powers of the Jacobian, for one term to six
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 9])
B, D, M, S = 3, 4, 6, 5
shapes = {"W": (M, D), "c": M, "V": (D, M), "e": D}
params = {name: rng.normal(size=shape) / 2 for name, shape in shapes.items()}
x, v = rng.normal(size=(B, D)), rng.normal(size=(S, B, D))
nudge = 1e-5 * np.eye(D)
J = [(net(params, row + nudge) - net(params, row - nudge)).T / 2e-5 for row in x]
want = np.zeros(B)
for k in range(1, 7):
    powers = [np.linalg.matrix_power(jacobian, k) for jacobian in J]
    for b in range(B):
        want[b] -= (-1) ** k / k * np.mean([v[i, b] @ powers[b] @ v[i, b] for i in range(S)])
    check(log_det_estimate(params, x, v, k), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q6-determinant", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: noise that makes the traces exact and a hundred terms: against the determinant itself
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 10])
B, D, M = 4, 5, 8
shapes = {"W": (M, D), "c": M, "V": (D, M), "e": D}
params = {name: rng.normal(size=shape) for name, shape in shapes.items()}
params["V"] *= 0.8 / np.linalg.norm(params["V"], 2) / np.linalg.norm(params["W"], 2)
x = 0.3 * rng.normal(size=(B, D))
nudge = 1e-5 * np.eye(D)
J = np.stack([(net(params, row + nudge) - net(params, row - nudge)).T / 2e-5 for row in x])
v = np.tile(np.sqrt(D) * np.eye(D)[:, None], (1, B, 1))  # Σ v vᵀ / D is the identity
check(log_det_estimate(params, x, v, 100), np.linalg.slogdet(np.eye(D) + J)[1])
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q7-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 7. From one cloud to another (4 points)
#
# You have points of two clouds, $x_0$ at time 0 and $x_1$ at time 1. Learn a velocity $v(t, x)$ that carries the law of the first to the law of the second: draw a point of each, independently, and a time $t$ uniform on $[0, 1]$; the straight
# path between them is at $x_t = (1 - t)\, x_0 + t\, x_1$ at time $t$, and it moves with a velocity that does not change. Least squares makes $v(t, x_t)$ the mean velocity of all the paths that
# pass there.
#
# The two lists of points may be sorted, each by itself: row $i$ of one has nothing to do with row $i$ of the other.
#
# Three functions. `train` returns parameters of your own kind: numbers, arrays, or lists and dicts of them. `velocity` is the field of these parameters. `euler` follows *any* field from time 0
# to time 1 in equal steps, each with the velocity at its beginning. The network, the optimiser and their numbers are up to you; all calls of `train` together may take twenty seconds on one core. The hidden test knows the law of its clouds,
# which are mixtures of normal laws in the plane, and so the best velocity in closed form. Of its variation your field must explain 90 %: with $u$ the best one, $\operatorname{\mathbb{E}} \lVert v - u \rVert^2 \le 0.1\, \operatorname{\mathbb{E}} \lVert u - \operatorname{\mathbb{E}} u \rVert^2$.
#
# *Trains: flow matching; what is regressed on what; why pairs are independent; an ordinary differential equation in steps.*


# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(x_0, x_1, generator):
    """Parameters for `velocity`; x_0 is (N, D) and x_1 is (M, D)."""
    ### BEGIN SOLUTION
    x_0, x_1 = (torch.as_tensor(x, dtype=torch.float32) for x in (x_0, x_1))
    D, H, batch, steps = x_0.shape[1], 64, 512, 600
    V, c = torch.randn(H, D + 1, generator=generator), torch.randn(H, generator=generator)
    weights = [w.requires_grad_() for w in (V, c, torch.zeros(D, H), torch.zeros(D))]
    V, c, W, b = weights
    optimizer = torch.optim.Adam(weights, lr=0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        start, end = (x[torch.randint(len(x), (batch,), generator=generator)] for x in (x_0, x_1))
        t = torch.rand(batch, 1, generator=generator)
        h = torch.tanh(torch.cat([t, (1 - t) * start + t * end], 1) @ V.T + c)
        loss = (h @ W.T + b - (end - start)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return [w.detach().numpy() for w in weights]
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q7-velocity", "locked": false, "schema_version": 3, "solution": true, "task": false}
def velocity(params, t, x):
    """v(t, x), (B, D), with parameters from `train`; t is (B,) and x is (B, D)."""
    ### BEGIN SOLUTION
    V, c, W, b = params
    return np.tanh(np.column_stack([t, x]) @ V.T + c) @ W.T + b
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q7-euler", "locked": false, "schema_version": 3, "solution": true, "task": false}
def euler(field, params, x, steps):
    """Where x (B, D) at time 0 has come to at time 1, (B, D).

    field is a function like `velocity` or `swirl`: field(params, t, x) is (B, D), and t is (B,).
    """
    ### BEGIN SOLUTION
    for k in range(steps):
        x = x + field(params, np.full(len(x), k / steps), x) / steps
    return x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q7-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# First `euler`. A velocity of b t, in n steps: b (0 + 1 + ... + n - 1) / n². Two steps with the velocity x: each by the factor 3/2.
rng = np.random.default_rng([SEED, 27])
x, b, n = rng.normal(size=(3, 2)), rng.normal(size=2), int(rng.integers(3, 9))
zero = {"A": np.zeros((2, 2)), "b": b}
check(euler(swirl, zero, x, n), x + b * (n - 1) / (2 * n))
check(euler(swirl, {"A": np.eye(2), "b": np.zeros(2)}, x, 2), 9 / 4 * x)
# Now two clouds that are hardly more than two points: the velocity leads from the one to the other.
start = rng.normal(size=2)
end = start + rng.uniform(2, 4, size=2)
x_0, x_1 = (point + 0.05 * rng.normal(size=(100, 2)) for point in (start, end))
params = train(x_0, x_1, seeded(1))
t = np.linspace(0.1, 0.9, 5)
v = np.asarray(velocity(params, t, start + t[:, None] * (end - start)), dtype=float)
assert v.shape == (5, 2), f"shape {v.shape}"
far = np.linalg.norm(v - (end - start), axis=1).max() / np.linalg.norm(end - start)
assert far < 0.1, f"the velocity is wrong by {far:.0%}"

# %% nbgrader={"grade": true, "grade_id": "q7-steps", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: `euler` with any linear velocity and other numbers of steps
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 11])
for steps in (1, 7, 20):
    params = {"A": rng.normal(size=(3, 3)), "b": rng.normal(size=3)}
    x = rng.normal(size=(4, 3))
    want = x.copy()
    for i, k in np.ndindex(4, steps):
        want[i] += (params["A"] @ want[i] + k / steps * params["b"]) / steps
    check(euler(swirl, params, x, steps), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q7-field", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: the velocity after training, on the way between two clouds whose best velocity is known
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 12])
N, C = 3000, 3
m_0, s_0 = rng.normal(size=2), rng.uniform(0.7, 1)
turn = 2 * np.pi * (np.arange(C) / C + rng.uniform())
means = 3 * np.stack([np.cos(turn), np.sin(turn)], 1) + m_0 + rng.uniform(-1, 1, size=2)
scales, weights = rng.uniform(0.3, 0.6, size=C), rng.dirichlet(np.full(C, 20.0))


def cloud(size):
    c = rng.choice(C, size=size, p=weights)
    noise = rng.normal(size=(2, size, 2))
    return m_0 + s_0 * noise[0], means[c] + scales[c, None] * noise[1]


x_0, x_1 = (x[np.argsort(x[:, 0])] for x in cloud(N))
params = train(x_0, x_1, seeded(int(rng.integers(2**31))))
start, end = cloud(4000)
t = rng.uniform(size=4000)
x = (1 - t)[:, None] * start + t[:, None] * end
got = np.asarray(velocity(params, t, x), dtype=float)
assert got.shape == (4000, 2)
variance = (1 - t[:, None]) ** 2 * s_0**2 + t[:, None] ** 2 * scales**2  # (n, C), of each part
away = x[:, None] - (1 - t)[:, None, None] * m_0 - t[:, None, None] * means
log_r = np.log(weights) - (away**2).sum(2) / (2 * variance) - np.log(variance)
drift = (t[:, None] * scales**2 - (1 - t[:, None]) * s_0**2) / variance
u = np.einsum("nc,ncd->nd", special.softmax(log_r, 1), means - m_0 + drift[:, :, None] * away)
error = ((got - u) ** 2).sum(1).mean() / ((u - u.mean(0)) ** 2).sum(1).mean()
assert error <= 0.1, f"{error:.3f} of the variation is missing"
### END HIDDEN TESTS
