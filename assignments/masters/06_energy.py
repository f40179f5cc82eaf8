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
# grader: delete = coursepkg.enumeration, coursepkg.graphs, coursepkg.objectives, coursepkg.models.rbm, coursepkg.models.boltzmann, coursepkg.models.energy, coursepkg.samplers.annealed, coursepkg.samplers.bridge, coursepkg.samplers.gibbs, coursepkg.samplers.weighting, coursepkg.evaluation.importance
# grader: close = networkx
# grader: seconds = 140

# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 6: Energy-based models
#
# Six questions, 20 points, on [chapter 5](https://your-organisation.github.io/generative-models/notebooks/05_graphical_models.html),
# [chapter 6](https://your-organisation.github.io/generative-models/notebooks/06_rbm.html)
# and [chapter 7](https://your-organisation.github.io/generative-models/notebooks/07_partition_function.html).
# Write your code in place of `raise NotImplementedError`. Below each question stands a test that you can run as often as
# you like, and an empty cell whose comment says what the hidden test looks at. Run the whole notebook from the top
# before you hand it in. The tests draw their numbers from `SEED`, and the grader has another one; five digits are enough.
#
# The lecture from which chapter 6 was made ends with four functions to write: `init_RBM(p, q)`, `in_out(X)`, `out_in(H)` and `train(X, size_batch, eps, epoch)`. Questions 2 and 4 ask for
# them, for a machine that is not in the chapters. It has $p$ visible units $v_i \in \{0, 1\}$, each a film that somebody has seen or not, and $q$ hidden units $h_j \in \{-1, +1\}$, each a taste that speaks against
# a kind of film or for it:
#
# $$ p(v, h) = \frac{e^{-E(v, h)}}{Z}, \qquad E(v, h) = - b^\top v - c^\top h - v^\top W h . $$
#
# A machine is a dict of three arrays: "W" of shape (p, q), "b" of shape (p,) and "c" of shape (q,). (The lecture calls these biases $a$ and $b$.) Beware of formulas for $h_j \in \{0, 1\}$.
#
# All logarithms are natural. Your functions get NumPy arrays, and dicts of them. Return NumPy arrays, or
# what the docstring says. Whatever is random must come from the `generator` that your function is given. You may use NumPy, SciPy and PyTorch (the grader has no `networkx`).

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import itertools

import numpy as np
import torch
from scipy import special, stats

SEED = 0  # the tests draw their numbers from it; the grader has its own


def seeded(seed):
    """A torch.Generator that starts from `seed`."""
    return torch.Generator().manual_seed(seed)


def check(got, want, tolerance=1e-5):
    """The same shape and the same numbers; NaN is no number."""
    want = np.asarray(want, dtype=float)
    assert np.shape(got) == want.shape, f"shape {np.shape(got)}, expected {want.shape}"
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance, equal_nan=False)


def states(n):
    """All rows of n zeros and ones, (2^n, n), as floats."""
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def machine(rng, p, q, scale):
    """A machine whose numbers are normal with standard deviation `scale`."""
    sizes = {"W": (p, q), "b": p, "c": q}
    return {name: rng.normal(scale=scale, size=size) for name, size in sizes.items()}


def small(m):
    """Two films and one taste: e^(W h) is m or 1/m, and 2 cosh(log m) = m + 1/m."""
    return {"W": np.log(m) * np.ones((2, 1)), "b": np.zeros(2), "c": np.zeros(1)}


little = small(2)  # work with it by hand: 2 cosh(log 2) = 5/2


# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. What still tells something (3 points)
#
# In a directed graph every variable is drawn given its parents. You want to know variable $a$, and have seen some others. Which of the rest could still tell you something about $a$? That is, for which $b$ does
# the graph *not* imply that $a$ and $b$ are independent given what was seen? Think of three nodes first: a chain, a fork, and two arrows that meet.
#
# *Trains: conditional independence read from a graph; explaining away, also by a late consequence.*


# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """A boolean array (n,): whether node b may depend on node a, given the nodes in `seen`.

    parents[b] is the list of b's parents. There is no cycle, but a parent may have a larger number
    than its child. seen is a list of nodes without a. Say False for a itself and for the seen.
    """
    ### BEGIN SOLUTION
    n = len(parents)
    children = [[b for b in range(n) if d in parents[b]] for d in range(n)]
    visited, ways = set(), {(a, "up")}
    while ways:
        node, came = ways.pop()
        visited.add((node, came))
        for goes, ends in (("down", children[node]), ("up", parents[node])):
            meet = came == "down" and goes == "up"  # arrows; a seen descendant sends us back up
            if (node in seen) == meet:
                ways |= {(b, goes) for b in ends} - visited
    reached = {node for node, _ in visited} - {a, *seen}
    return np.isin(np.arange(n), list(reached))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Seven nodes: nobody has seen anything, and then somebody has seen node 3. And the same nodes with other numbers.
parents = [[], [], [], [0, 1, 2], [0, 2], [3], [3, 4]]
for place in (np.arange(7), np.random.default_rng([SEED, 21]).permutation(7)):
    moved = [[int(place[d]) for d in parents[b]] for b in np.argsort(place)]
    a, seen = int(place[0]), int(place[3])
    check(still_tells(moved, a, []), np.isin(np.arange(7), place[3:]))
    check(still_tells(moved, a, [seen]), np.isin(np.arange(7), place[[1, 2, 4, 6]]))

# %% nbgrader={"grade": true, "grade_id": "q1-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: chains, forks and two arrows that meet, three nodes in any order: the middle seen, and not seen
### BEGIN HIDDEN TESTS
for a, m, b in itertools.permutations(range(3)):
    for shape, when_seen in (("chain", False), ("fork", False), ("meet", True)):
        parents = [[], [], []]
        parents[m] = {"chain": [a], "fork": [], "meet": [a, b]}[shape]
        parents[b] = [] if shape == "meet" else [m]
        if shape == "fork":
            parents[a] = [m]
        for start, other in ((a, b), (b, a)):
            for seen, tells in (([], not when_seen), ([m], when_seen)):
                want = np.zeros(3)
                want[other] = tells
                want[m] = not seen
                check(still_tells(parents, start, seen), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q1-graphs", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: larger graphs, numbered in any order, with several nodes seen: against tables of probabilities, summed
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 1])
a, m, b, d, e = rng.permutation(5).tolist()  # two arrows meet in m, which is never seen, but e is
parents = [[] for _ in range(5)]
parents[m], parents[d], parents[e] = [a, b], [m], [d]
check(still_tells(parents, a, [e]), np.isin(np.arange(5), [m, b, d]))
check(still_tells(parents, a, [d]), np.isin(np.arange(5), [m, b]))
n = 6
x = states(n)
for _ in range(40):
    order = rng.permutation(n)
    parents = [[] for _ in range(n)]
    p = np.ones(len(x))
    for place, b in enumerate(order):
        chosen = order[:place][rng.uniform(size=place) < 0.35]
        parents[b] = chosen.tolist()
        weight, bias = rng.uniform(1, 2, size=len(chosen)), rng.normal()
        on = special.expit((2 * x[:, chosen] - 1) @ weight + bias)
        p = p * np.where(x[:, b] == 1, on, 1 - on)
    for a, count in itertools.product(range(n), (1, 2)):
        rest = rng.permutation([b for b in range(n) if b != a]).tolist()
        seen, want = rest[:count], np.zeros(n)
        for b in rest[count:]:
            others = tuple(d for d in range(n) if d not in {a, b, *seen})
            table = np.moveaxis(p.reshape((2,) * n), [a, b], [0, 1])
            left = [d for d in range(n) if d not in {a, b}]
            table = table.sum(tuple(2 + left.index(d) for d in others)).reshape(2, 2, -1)
            apart = table.sum(0, keepdims=True) * table.sum(1, keepdims=True)
            want[b] = np.abs(table * table.sum((0, 1)) - apart).max() > 1e-12
        check(still_tells(parents, a, seen), want)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. The machine, there and back (3 points)
#
# Three functions. `init_rbm` makes a machine with $W_{ij} \sim \mathcal{N}(0, 0.01^2)$, independent, and without biases. (With $W = 0$ all hidden units would get the same gradient for ever.)
# `in_out` goes from the visible units to the hidden ones, and `out_in` back. Derive both conditionals from the energy: what changes in $E$ when one unit changes, and by how much?
#
# *Trains: conditionals from an energy; which bias belongs where; what −1 changes.*


# %% nbgrader={"grade": false, "grade_id": "q2-init", "locked": false, "schema_version": 3, "solution": true, "task": false}
def init_rbm(p, q, generator):
    """A machine, as described above."""
    ### BEGIN SOLUTION
    W = 0.01 * torch.randn(p, q, generator=generator, dtype=torch.float64).numpy()
    return {"W": W, "b": np.zeros(p), "c": np.zeros(q)}
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q2-in", "locked": false, "schema_version": 3, "solution": true, "task": false}
def in_out(rbm, X):
    """P(h_j = +1 | v) for each row v of X, (n, p) -> (n, q)."""
    ### BEGIN SOLUTION
    return special.expit(2 * (rbm["c"] + X @ rbm["W"]))
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q2-out", "locked": false, "schema_version": 3, "solution": true, "task": false}
def out_in(rbm, H):
    """P(v_i = 1 | h) for each row h of H, which holds -1 and +1, (n, q) -> (n, p)."""
    ### BEGIN SOLUTION
    return special.expit(rbm["b"] + H @ rbm["W"].T)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The little machine by hand, and its like. And a new one: its shapes, and the same once more from an equal generator.
check(in_out(little, np.array([[0.0, 0], [1, 0], [1, 1]])), [[1 / 2], [4 / 5], [16 / 17]])
check(out_in(little, np.array([[1.0], [-1]])), [[2 / 3, 2 / 3], [1 / 3, 1 / 3]])
m = np.random.default_rng([SEED, 22]).uniform(1.5, 3)
check(in_out(small(m), states(2)[[0, 1, 3]]), [[1 / 2], [m / (m + 1 / m)], [m**4 / (m**4 + 1)]])
check(out_in(small(m), np.array([[1.0], [-1]])), np.array([[m, m], [1, 1]]) / (m + 1))
new, again = init_rbm(3, 2, seeded(1)), init_rbm(3, 2, seeded(1))
for name, shape in (("W", (3, 2)), ("b", (3,)), ("c", (2,))):
    assert np.shape(new[name]) == shape, f"{name} has the shape {np.shape(new[name])}"
    check(again[name], new[name], tolerance=1e-9)
assert np.abs(np.asarray(new["W"])).max() > 0, "all weights are zero"

# %% nbgrader={"grade": true, "grade_id": "q2-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: a machine with biases: both conditionals against all its states, enumerated; and units that are quite sure
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 2])
rbm = machine(rng, 4, 3, 1.0)
V, H = states(4), 2 * states(3) - 1
joint = np.exp((V @ rbm["b"])[:, None] + H @ rbm["c"] + V @ rbm["W"] @ H.T)
check(in_out(rbm, V), joint @ (H == 1) / joint.sum(1, keepdims=True))
check(out_in(rbm, H), joint.T @ V / joint.sum(0)[:, None])
rbm["W"] = np.zeros((4, 3))
rbm["b"], rbm["c"] = np.array([-900.0, 900, 0, 0]), np.array([-900.0, 900, 0])
check(in_out(rbm, V), np.tile([0, 1, 0.5], (16, 1)))
check(out_in(rbm, H), np.tile([0, 1, 0.5, 0.5], (8, 1)))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q2-new", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: a new machine: the law of its weights, its biases, and another one from another generator
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 3])
one, two = (init_rbm(300, 40, seeded(int(seed))) for seed in rng.integers(2**31, size=2))
for rbm in (one, two):
    W = np.asarray(rbm["W"], dtype=float)
    assert W.shape == (300, 40)
    assert stats.kstest(W.ravel(), stats.norm(0, 0.01).cdf).pvalue > 1e-7
    check(rbm["b"], np.zeros(300), tolerance=0)
    check(rbm["c"], np.zeros(40), tolerance=0)
one, two = (np.asarray(rbm["W"], dtype=float) / 0.01 for rbm in (one, two))
for pair in ((one, two), (one[1:], one[:-1]), (one[:, 1:], one[:, :-1])):  # independent
    assert abs((pair[0] * pair[1]).mean()) < 6 / np.sqrt(pair[0].size)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. The exact likelihood (3 points)
#
# $Z$ is a sum over $2^{p + q}$ states. Given one layer the units of the other are independent, so that the sum over the other layer is a product. Then only the states of the *smaller* layer
# have to be enumerated, whichever it is. It will have at most twelve units; the other may have hundreds.
#
# *Trains: two sums, one by formula and one by enumeration; what $Z$ sums over; large exponents.*


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(rbm, X):
    """log p(v), exactly, for each row v of X, (n, p) -> (n,)."""
    ### BEGIN SOLUTION
    W, b, c = rbm["W"], rbm["b"], rbm["c"]
    p, q = W.shape

    def log_visible(V):  # log Σ_h exp(-E(v, h))
        a = c + V @ W
        return V @ b + np.logaddexp(a, -a).sum(1)

    if p <= q:
        terms = log_visible(states(p))
    else:
        H = 2 * states(q) - 1
        terms = H @ c + np.logaddexp(0, b + H @ W.T).sum(1)
    return log_visible(X) - special.logsumexp(terms)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q3-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The little machine has four visible states. Their probabilities, by hand, are 8, 10, 10 and 17 in 45.
check(log_prob(little, states(2)), np.log([8 / 45, 10 / 45, 10 / 45, 17 / 45]))
m = np.random.default_rng([SEED, 23]).uniform(1.5, 3)
p = np.array([2, m + 1 / m, m + 1 / m, m**2 + 1 / m**2])
check(log_prob(small(m), states(2)), np.log(p / p.sum()))

# %% nbgrader={"grade": true, "grade_id": "q3-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: machines with biases, more hidden units than visible ones and fewer: against the sum over all pairs of states
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 4])
for p, q in ((5, 3), (3, 5)):
    rbm = machine(rng, p, q, 1.0)
    V, H = states(p), 2 * states(q) - 1
    joint = np.exp((V @ rbm["b"])[:, None] + H @ rbm["c"] + V @ rbm["W"] @ H.T)
    check(log_prob(rbm, V), np.log(joint.sum(1) / joint.sum()))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q3-large", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: hundreds of units in one layer, on either side, and energies whose exponentials no floating-point number can hold
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 5])
for p, q, scale in ((300, 8, 0.3), (300, 8, 300), (8, 300, 0.3), (8, 300, 300)):
    rbm = machine(rng, p, q, scale)
    V, H = states(min(p, q)), 2 * states(min(p, q)) - 1
    X = (rng.uniform(size=(5, p)) < 0.5).astype(float)
    a = rbm["c"] + X @ rbm["W"]
    score = X @ rbm["b"] + np.abs(a).sum(1) + np.log1p(np.exp(-2 * np.abs(a))).sum(1)
    if p < q:
        a = rbm["c"] + V @ rbm["W"]
        terms = V @ rbm["b"] + np.abs(a).sum(1) + np.log1p(np.exp(-2 * np.abs(a))).sum(1)
    else:
        a = rbm["b"] + H @ rbm["W"].T
        terms = H @ rbm["c"] + np.maximum(a, 0).sum(1) + np.log1p(np.exp(-np.abs(a))).sum(1)
    log_Z = terms.max() + np.log(np.exp(terms - terms.max()).sum())
    check(log_prob(rbm, X), score - log_Z, tolerance=1e-6)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. Contrastive divergence (4 points)
#
# What is the gradient of $\log p(x)$ for this machine? The exact one has a term with the data and a term with the model, and the second is out of reach. CD-1 replaces it by one step of Gibbs sampling from the
# data: draw $h^{(0)}$ from $p(h \mid x)$, then $v^{(1)}$ from $p(v \mid h^{(0)})$, for each row of the batch, and take $v^{(1)}$ for a draw from the model. In both terms average
# over $h$ given $v$ exactly; a draw would be noise for nothing.
#
# In each epoch go through the rows of $X$ in a new random order, in batches of `batch_size` of which the last may be smaller. After each batch, add `step_size` times the mean over the batch of the estimated gradient to the three parameters.
# No momentum and no weight decay. Compute with whole batches: one of the tests has a batch of 200,000 rows. The last hidden test trains eight hidden units on the characters of chapter 6 and compares the exact likelihood of *other* images with that of independent pixels.
# Do not rely on it: we have seen wrong versions of this algorithm learn the characters nearly as well.
#
# *Trains: the whole algorithm; what is drawn and what is averaged; the mean over a batch.*


# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(rbm, X, batch_size, step_size, epochs, generator):
    """The machine after training, a dict of new arrays, from the given one; X is (n, p)."""
    ### BEGIN SOLUTION
    W, b, c = rbm["W"], rbm["b"], rbm["c"]

    def below(probability):
        u = torch.rand(*probability.shape, generator=generator, dtype=torch.float64)
        return u.numpy() < probability

    for _ in range(epochs):
        order = torch.randperm(len(X), generator=generator).numpy()
        for start in range(0, len(X), batch_size):
            x = X[order[start : start + batch_size]]
            h = np.where(below(special.expit(2 * (c + x @ W))), 1.0, -1.0)
            v = below(special.expit(b + h @ W.T)).astype(float)
            m_x, m_v = np.tanh(c + x @ W), np.tanh(c + v @ W)
            rate = step_size / len(x)
            W = W + rate * (x.T @ m_x - v.T @ m_v)
            b = b + rate * (x - v).sum(0)
            c = c + rate * (m_x - m_v).sum(0)
    return {"W": W, "b": b, "c": c}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q4-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A machine so sure of itself that nothing is random: h is 1, and v is 0. Five rows make three batches, 2k + 1 rows make k + 1. And
# equal generators train alike, others do not.
rng = np.random.default_rng([SEED, 24])
sure = {"W": np.zeros((2, 1)), "b": np.full(2, -50.0), "c": np.full(1, 50.0)}
for k, step_size in ((2, 0.5), (int(rng.integers(3, 9)), rng.uniform(0.2, 0.7))):
    result = train(sure, np.ones((2 * k + 1, 2)), 2, step_size, 2, seeded(1))
    gain = 2 * (k + 1) * step_size
    check(result["W"], [[gain], [gain]])
    check(result["b"], [gain - 50, gain - 50])
    check(result["c"], [50.0])
rows, draw = np.tile(states(2), (25, 1)), int(rng.integers(2**31))
one, again, other = (train(little, rows, 3, 0.1, 2, seeded(s)) for s in (draw, draw, draw + 1))
for name in ("W", "b", "c"):
    check(again[name], one[name])
assert np.abs(np.asarray(other["W"]) - np.asarray(one["W"])).max() > 1e-6, "whose dice are these?"

# %% nbgrader={"grade": true, "grade_id": "q4-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: one step on many rows, against the mean of CD-1 with all draws enumerated; each row once in an epoch
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 6])
n = 200_000
V, H = states(3), 2 * states(2) - 1
for _ in range(3):
    rbm = {
        "W": rng.choice([-1, 1], size=(3, 2)) * rng.uniform(1.2, 1.8, size=(3, 2)),
        "b": rng.uniform(-0.8, 0.8, size=3),
        "c": rng.choice([-1, 1], size=2) * rng.uniform(0.4, 0.8, size=2),
    }
    X = V[rng.choice(8, p=rng.dirichlet(np.ones(8)), size=n)]
    joint = np.exp((V @ rbm["b"])[:, None] + H @ rbm["c"] + V @ rbm["W"] @ H.T)
    chain = (joint / joint.sum(1, keepdims=True)) @ (joint / joint.sum(0)).T  # P(v after | v)
    share = (X @ [4, 2, 1] == np.arange(8)[:, None]).mean(1)
    share = share - share @ chain
    mean = (joint @ H) / joint.sum(1, keepdims=True)
    moved = train(rbm, X, n, 0.25, 1, seeded(int(rng.integers(2**31))))
    wants = {"W": (V * share[:, None]).T @ mean, "b": share @ V, "c": share @ mean}
    for name, want in wants.items():
        got = (np.asarray(moved[name], dtype=float) - rbm[name]) / 0.25
        assert got.shape == want.shape
        spread = 1 if name == "b" else 2  # Hoeffding; eleven numbers, three times
        assert np.abs(got - want).max() < spread * np.sqrt(np.log(66e6) / (2 * n))
X = rng.integers(0, 2, size=(60, 4)).astype(float)
sure = {"W": np.zeros((4, 3)), "b": np.full(4, -90.0), "c": np.array([70.0, -70, 70])}
result = train(sure, X, 12, 0.2, 2, seeded(int(rng.integers(2**31))))
gain = 2 * 0.2 / 12 * X.sum(0)
check(result["b"], gain - 90)
check(result["W"], np.outer(gain, [1, -1, 1]))
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q4-letters", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: 26 of the 39 samples of each character, their pixels shuffled: the exact likelihood of the other 13
### BEGIN HIDDEN TESTS
from coursepkg.data.glyphs import load_glyphs

rng = np.random.default_rng([SEED, 7])
images = load_glyphs().images.numpy().astype(float).reshape(36, 39, -1)
images = images[:, rng.permutation(39)][:, :, rng.permutation(320)]
X, other = (part.reshape(-1, 320) for part in (images[:, :26], images[:, 26:]))
start = {"W": rng.normal(scale=0.01, size=(320, 8)), "b": np.zeros(320), "c": np.zeros(8)}
rbm = train(start, X, 13, 0.1, 30, seeded(int(rng.integers(2**31))))
W, b, c = (np.asarray(rbm[name], dtype=float) for name in ("W", "b", "c"))
assert [part.shape for part in (W, b, c)] == [(320, 8), (320,), (8,)]
assert max(np.abs(part).max() for part in (W, b, c)) < 1000  # else rounding swallows the score
H, a = 2 * states(8) - 1, c + other @ W
log_Z = special.logsumexp(H @ c + np.logaddexp(0, b + H @ W.T).sum(1))
score = (other @ b + np.logaddexp(a, -a).sum(1)).mean() - log_Z
pixel = other.mean(0)  # no independent pixels do better than those fitted to the test itself
assert score > (special.xlogy(pixel, pixel) + special.xlogy(1 - pixel, 1 - pixel)).sum()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. A likelihood in pieces (3 points)
#
# Without $Z$ there is still $p(v_B \mid v_{\text{rest}})$ for a few units $B$ at a time: the units in $B$ have $2^{|B|}$ states, and all else stays where it is. For blocks $B_1, \dots, B_K$ of units compute
#
# $$ \sum_{k=1}^K \log p(v_{B_k} \mid v_i, i \notin B_k) . $$
#
# One unit a block is Besag's pseudo-likelihood; a single block with all units is the likelihood itself. The hidden units are summed out in every term. There may be hundreds of units of either kind, and no more than twelve in a block.
#
# *Trains: conditionals without a partition function; that the rest includes no hidden unit.*


# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def piecewise(rbm, X, blocks):
    """The sum above for each row v of X, (n, p) -> (n,); blocks is a list of lists of units."""
    ### BEGIN SOLUTION
    W, b, c = rbm["W"], rbm["b"], rbm["c"]

    def log_visible(V):
        a = c + V @ W
        return V @ b + np.logaddexp(a, -a).sum(-1)

    total = np.zeros(len(X))
    for block in blocks:
        options = []
        for values in states(len(block)):
            V = X.copy()
            V[:, block] = values
            options.append(log_visible(V))
        total += log_visible(X) - special.logsumexp(options, axis=0)
    return total
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q5-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The little machine, whose states have the probabilities 8, 10, 10 and 17 in 45: unit by unit, and all at once.
check(piecewise(little, np.array([[1.0, 1]]), [[0], [1]]), [2 * np.log(17 / 27)])
check(piecewise(little, np.array([[1.0, 0]]), [[0], [1]]), [np.log(10 / 18) + np.log(10 / 27)])
check(piecewise(little, np.array([[1.0, 1]]), [[0, 1]]), [np.log(17 / 45)])
m = np.random.default_rng([SEED, 25]).uniform(1.5, 3)
p = np.array([2, m + 1 / m, m + 1 / m, m**2 + 1 / m**2])
each = np.log(p / (p[[0, 1, 0, 1]] + p[[2, 3, 2, 3]])) + np.log(p / (p[[0, 0, 2, 2]] + p[[1, 1, 3, 3]]))
check(piecewise(small(m), states(2), [[0], [1]]), each)
check(piecewise(small(m), states(2), [[0, 1]]), np.log(p / p.sum()))

# %% nbgrader={"grade": true, "grade_id": "q5-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: a machine with biases and blocks of several sizes: against the table of all its states
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 8])
rbm = machine(rng, 5, 3, 1.0)
V, H = states(5), 2 * states(3) - 1
p = np.exp((V @ rbm["b"])[:, None] + H @ rbm["c"] + V @ rbm["W"] @ H.T).sum(1)
p = p / p.sum()
order = rng.permutation(5).tolist()
for blocks in ([[i] for i in order], [order[:2], order[2:]], [order[:3], order[1:4]], [order]):
    want = np.zeros(32)
    for block in blocks:
        rest = [i for i in range(5) if i not in block]
        same = (V[:, None, rest] == V[None, :, rest]).all(2)
        want += np.log(p) - np.log(same @ p)
    check(piecewise(rbm, V, blocks), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q5-large", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: hundreds of units in both layers, and energies whose exponentials no floating-point number can hold
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 9])
for scale in (0.3, 100):
    rbm = machine(rng, 200, 150, scale)
    X = (rng.uniform(size=(3, 200)) < 0.5).astype(float)
    blocks = [block.tolist() for block in np.split(rng.permutation(200)[:60], 20)]
    want = np.zeros(3)
    for i, block in itertools.product(range(3), blocks):
        V = np.tile(X[i], (8, 1))
        V[:, block] = states(3)
        a = np.abs(rbm["c"] + V @ rbm["W"])
        terms = V @ rbm["b"] + (a + np.log1p(np.exp(-2 * a))).sum(1)
        own = terms[int(X[i, block] @ [4, 2, 1])]
        want[i] += own - terms.max() - np.log(np.exp(terms - terms.max()).sum())
    check(piecewise(rbm, X, blocks), want, tolerance=1e-7)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q6-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. Annealed importance sampling (4 points)
#
# And when both layers are large? Lead the machine there from one whose constant is known: independent visible units with log-odds `base`, say those of the data. Between the two lie the machines
#
# $$ \tilde p_\beta(v, h) = \exp\bigl( (1 - \beta)\, \text{base}^\top v + \beta\, (b^\top v + c^\top h + v^\top W h) \bigr) . $$
#
# Take $\beta$ from 0 to 1 in steps, $0 = \beta_0 < \beta_1 < \dots < \beta_K = 1$.
# Each chain starts with an exact draw of $v$ from $p_{\beta_0}$. Weigh it for the change from $\beta_0$ to $\beta_1$, by the ratio $\tilde p_{\beta_1}(v) / \tilde p_{\beta_0}(v)$ in which $h$ is summed out; take one step of block Gibbs sampling
# that leaves $p_{\beta_1}$ invariant; weigh the new $v$ for the change to $\beta_2$, which multiplies the weight it has; and so on.
# What do the hidden units contribute to the constant at $\beta = 0$? With the right constant each weight is an unbiased estimate of $Z$, however few the steps; with many steps it is also a good one. Advance all chains at once: there may be 100,000.
#
# *Trains: the order of weighing and moving; the constant that one starts from; unbiased and precise are two things.*


# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def annealed_log_weights(rbm, base, betas, chains, generator):
    """log w of each chain, (chains,), where the mean of w is Z; base is (p,), betas (K + 1,)."""
    ### BEGIN SOLUTION
    W, b, c = rbm["W"], rbm["b"], rbm["c"]

    def log_visible(v, beta):
        a = beta * (c + v @ W)
        return v @ ((1 - beta) * base + beta * b) + np.logaddexp(a, -a).sum(1)

    def below(probability):
        u = torch.rand(*probability.shape, generator=generator, dtype=torch.float64)
        return u.numpy() < probability

    v = below(np.tile(special.expit(base), (chains, 1))).astype(float)
    log_w = np.full(chains, np.logaddexp(0, base).sum() + len(c) * np.log(2))
    for before, beta in itertools.pairwise(betas):
        log_w += log_visible(v, beta) - log_visible(v, before)
        h = np.where(below(special.expit(2 * beta * (c + v @ W))), 1.0, -1.0)
        v = below(special.expit((1 - beta) * base + beta * (b + h @ W.T))).astype(float)
    return log_w
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q6-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Without weights, and with base = b, nothing but the hidden units changes on the way: each weight is exactly Z.
free = {"W": np.zeros((3, 2)), "b": np.log([1.0, 2, 3]), "c": np.log([2.0, 4])}
betas = np.array([0, 0.2, 0.7, 1])
log_w = annealed_log_weights(free, free["b"], betas, 5, seeded(1))
check(log_w, np.full(5, np.log(2 * 3 * 4 * (2 + 1 / 2) * (4 + 1 / 4))))
# The like of the little machine in a single step, from fair coins: w is 4 · 2, 4 (m + 1/m) or 4 (m² + 1/m²) in a quarter, a half and
# a quarter of all chains. Equal generators draw the same, others do not.
rng = np.random.default_rng([SEED, 26])
m, draw = rng.uniform(1.5, 3), int(rng.integers(2**31))
log_w, again, other = (
    np.asarray(annealed_log_weights(small(m), np.zeros(2), np.array([0.0, 1]), 5000, seeded(s)))
    for s in (draw, draw, draw + 1)
)
check(again, log_w)
assert log_w.shape == (5000,), f"shape {log_w.shape}"
assert np.abs(other - log_w).max() > 1e-3, "another generator drew the same"
for share, w in ((1 / 4, 8), (1 / 2, 4 * (m + 1 / m)), (1 / 4, 4 * (m**2 + 1 / m**2))):
    off = np.mean(np.abs(log_w - np.log(w)) < 1e-4) - share
    assert abs(off) < 0.04, f"a share of {share + off:.2f} has the weight {w:.2f}, expected {share}"

# %% nbgrader={"grade": true, "grade_id": "q6-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: few steps and many chains, on machines that can be enumerated: the law of the weights, and its mean, which is Z
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 10])
n = 100_000
V, H = states(4), 2 * states(3) - 1
for betas in ([0, 0.4, 1], [0, 0.3, 0.6, 1]):
    rbm = machine(rng, 4, 3, 0.3)
    rbm["W"] = rbm["W"] + 1.0
    rbm["b"] = rbm["b"] - 1.0
    base = rng.normal(size=4)
    each, moves = [], []  # log p̃_β(v) at each β, for each v, and the Gibbs step there
    for beta in betas:
        score = V @ ((1 - beta) * base + beta * rbm["b"])
        joint = np.exp(score[:, None] + beta * (H @ rbm["c"] + V @ rbm["W"] @ H.T))
        each.append(np.log(joint.sum(1)))
        moves.append((joint / joint.sum(1, keepdims=True)) @ (joint / joint.sum(0)).T)
    start, log_Z = (special.logsumexp(each[k]) for k in (0, -1))
    ratios = np.diff(each, axis=0)
    p, values = np.exp(each[0] - start), start + ratios[0]
    for move, ratio in zip(moves[1:-1], ratios[1:], strict=True):  # all ways through all states
        p, values = p[..., None] * move, values[..., None] + ratio
    order = np.argsort(values, axis=None)
    p, values = p.ravel()[order], values.ravel()[order]
    largest = np.exp(start - log_Z + np.diff(each, axis=0).max(1).sum())
    seed = int(rng.integers(2**31))
    log_w = np.asarray(annealed_log_weights(rbm, base, np.array(betas), n, seeded(seed)))
    assert log_w.shape == (n,)
    # between any two values there are as many draws as there should be (Dvoretzky, Kiefer, Wolfowitz)
    apart = np.flatnonzero(np.diff(values) > 1e-4)
    below = np.searchsorted(np.sort(log_w), (values[apart] + values[apart + 1]) / 2) / n
    assert np.abs(below - np.cumsum(p)[apart]).max() < np.sqrt(np.log(4e6) / (2 * n))
    w = np.exp(log_w.astype(float) - log_Z)
    assert (w <= largest * (1 + 1e-4)).all()
    # the mean of bounded weights is further off once in a million (Maurer and Pontil)
    bound = np.sqrt(2 * w.var(ddof=1) * np.log(8e6) / n) + 7 * largest * np.log(8e6) / (3 * n)
    assert abs(w.mean() - 1) < bound
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q6-precise", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: many steps and few chains, on a machine with hundreds of visible units: log Z to 0.45 nats, where no weight is a floating-point number; and how much the chains differ
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 11])
rbm = machine(rng, 300, 8, 0.3)
rbm["b"] = rbm["b"] + 4.0
H = 2 * states(8) - 1
log_Z = special.logsumexp(H @ rbm["c"] + np.logaddexp(0, rbm["b"] + H @ rbm["W"].T).sum(1))
W, b, c, base = rbm["W"], rbm["b"], rbm["c"], rbm["b"] / 2
for betas in (np.array([0.0, 1]), np.linspace(0, 1, 250)):
    seed = int(rng.integers(2**31))
    log_w = np.asarray(annealed_log_weights(rbm, base, betas, 200, seeded(seed)), dtype=float)
    assert log_w.shape == (200,)
    # chains of our own: both distribution functions are as near to the true one as they should be
    v = (rng.uniform(size=(200, 300)) < special.expit(base)).astype(float)
    ours = np.zeros(200) + np.logaddexp(0, base).sum() + 8 * np.log(2)
    for before, beta in itertools.pairwise(betas):
        a = c + v @ W
        ours += (beta - before) * (v @ (b - base))
        ours += (np.logaddexp(beta * a, -beta * a) - np.logaddexp(before * a, -before * a)).sum(1)
        h = np.where(rng.uniform(size=a.shape) < special.expit(2 * beta * a), 1, -1)
        on = special.expit((1 - beta) * base + beta * (b + h @ W.T))
        v = (rng.uniform(size=v.shape) < on).astype(float)
    assert stats.ks_2samp(log_w, ours).statistic < 2 * np.sqrt(np.log(8e6) / 400)
assert abs(special.logsumexp(log_w) - np.log(200) - log_Z) < 0.45
### END HIDDEN TESTS
