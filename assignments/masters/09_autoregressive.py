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
# grader: delete = coursepkg.models.autoregressive, coursepkg.nets.causality, coursepkg.nets.conv, coursepkg.nets.gated, coursepkg.nets.mlp, coursepkg.nets.pixelcnn
# grader: seconds = 180

# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 9: Autoregressive models
#
# Seven questions, 20 points: six on [chapter 9](https://your-organisation.github.io/generative-models/notebooks/09_autoregressive.html) and the last on [chapter 10](https://your-organisation.github.io/generative-models/notebooks/10_pixels_and_waves.html).
# Write your code in place of `raise NotImplementedError`. Below each question stands a test that you can run as often as
# you like, and an empty cell whose comment says what the hidden test looks at. Run the whole notebook from the top
# before you hand it in. The tests draw their numbers from `SEED`, and the grader has another one; five digits are enough.
#
# An image is a row of $D$ integer levels $0, \dots, K - 1$, and a batch of images is an integer array (B, D). Positions are counted from 0, as in Python.
# All logarithms are natural. Return NumPy arrays, or what the docstring says. Whatever is random must come
# from the `generator` that your function is given. You may use NumPy, SciPy and PyTorch.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import itertools

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


def disguised(rng, split):
    """All digits as no one has seen them: as negatives, turned and mirrored in one of eight ways.
    The first 1,350 images, which are shuffled, may be trained on.
    """
    images = 16 - np.concatenate([part.numpy() for part in split]).reshape(-1, 8, 8)
    images = np.rot90(images, rng.integers(4), (1, 2))
    images = images.transpose(0, 2, 1) if rng.integers(2) else images
    rows = np.append(rng.permutation(1350), np.arange(1350, 1797))
    return images.reshape(-1, 64)[rows]


# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. A chain, by counting (2 points)
#
# Fit a Markov chain of order 1: `start[k]` is the probability that an image begins with level $k$, and `transition[j, k]` the probability that
# $k$ follows $j$, at whatever position. Act as if each of the things you count had been seen `smoothing` times before. A level that nothing ever
# followed gets the uniform distribution.
#
# *Trains: maximum likelihood as counting; where an image ends; what smoothing adds to the denominator.*


# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_chain(x, levels, smoothing):
    """The pair (start, transition), arrays (K,) and (K, K) of probabilities; x is (B, D)."""
    ### BEGIN SOLUTION
    start = np.full(levels, float(smoothing))
    transition = np.full((levels, levels), float(smoothing))
    np.add.at(start, x[:, 0], 1)
    np.add.at(transition, (x[:, :-1], x[:, 1:]), 1)
    transition[transition.sum(1) == 0] = 1
    return start / start.sum(), transition / transition.sum(1, keepdims=True)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two images: after 0 always comes 1, after 1 once 0 and once 1. And the same with the first image more than once.
for n in (1, int(np.random.default_rng([SEED, 21]).integers(2, 9))):
    start, transition = fit_chain(np.array(n * [[0, 1, 1]] + [[1, 0, 1]]), 2, 0.0)
    share = n / (n + 1)
    check(start, [share, 1 - share])
    check(transition, [[0, 1], [1 - share, share]])

# %% nbgrader={"grade": true, "grade_id": "q1-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: more images, with smoothing and without, and levels that nothing followed
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 1])
x = rng.integers(0, 4, size=(9, 6))  # level 4 never occurs
for smoothing in (0.0, rng.uniform(0.2, 2)):
    first, then = np.full(5, smoothing), np.full((5, 5), smoothing)
    for row in x.tolist():
        first[row[0]] += 1
        for j, k in itertools.pairwise(row):
            then[j, k] += 1
    start, transition = fit_chain(x, 5, smoothing)
    check(start, first / first.sum())
    check(np.asarray(transition)[:4], then[:4] / then[:4].sum(1, keepdims=True))
    check(np.asarray(transition)[4], np.full(5, 0.2))
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. From logits to a score (2 points)
#
# A network gives logits, (B, D, K): unnormalised log-probabilities of each level at each position, given the pixels before it. Score the model on the images:
# the mean over images of $-\log p(x)$ in nats, and the same in bits per pixel.
#
# *Trains: sum over pixels, mean over images, in this order, and the logarithm before both; units.*


# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score(x, logits):
    """A dict with floats "nats" (per image) and "bits_per_dim"; x is (B, D)."""
    ### BEGIN SOLUTION
    log_p = special.log_softmax(logits, axis=-1)
    chosen = np.take_along_axis(log_p, x[..., None], axis=-1)[..., 0]  # (B, D)
    nats = -chosen.sum(1).mean()
    return {"nats": float(nats), "bits_per_dim": float(nats / (x.shape[1] * np.log(2)))}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Equal logits: 64 log 17 nats, log₂ 17 bits per pixel. And all levels equal but the right one, which is m times as probable.
for m in (1.0, np.random.default_rng([SEED, 22]).uniform(2, 9)):
    logits = np.full((2, 64, 17), 5.0)
    logits[:, :, 3] += np.log(m)
    result = score(np.full((2, 64), 3), logits)
    check(result["nats"], 64 * np.log((16 + m) / m))
    check(result["bits_per_dim"], np.log2((16 + m) / m))

# %% nbgrader={"grade": true, "grade_id": "q2-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: several images of different probability, logits of any size
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 2])
x = rng.integers(0, 5, size=(4, 6))
logits = rng.normal(scale=2, size=(4, 6, 5))
p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
each = [-sum(np.log(p[i, d, x[i, d]]) for d in range(6)) for i in range(4)]
for shift in (0, 1000):
    result = score(x, logits + shift)
    check(result["nats"], np.mean(each))
    check(result["bits_per_dim"], np.mean(each) / (6 * np.log(2)))
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. A strict causal convolution, dilated (2 points)
#
# Compute, for every channel $c$ and every position $d$,
#
# $$ y_{c,d} = b_c + \sum_{l=0}^{L-1} w_{c,l}\, x_{d - 1 - l r} , $$
#
# where $r \ge 1$ is the dilation and $x$ is 0 before the start. The nearest pixel that $y_d$ sees is $x_{d-1}$, for each $r$.
#
# *Trains: the shift of the first layer; what libraries call a convolution.*


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def causal_convolution(x, weight, bias, dilation):
    """y, (B, C, D), for x (B, D) of floats, weight (C, L) and bias (C,)."""
    ### BEGIN SOLUTION
    B, D = x.shape
    y = np.tile(np.asarray(bias, dtype=float)[:, None], (B, 1, D))
    for l in range(weight.shape[1]):
        lag = 1 + l * dilation
        if lag < D:
            y[:, :, lag:] += weight[:, l, None] * x[:, None, :-lag]
    return y
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q3-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One bright pixel at the start shows the weights one position later, in order.
for one, two in ([2.0, 3.0], np.random.default_rng([SEED, 23]).normal(size=2)):
    y = causal_convolution(np.array([[1.0, 0, 0, 0]]), np.array([[one, two]]), np.zeros(1), 1)
    check(y, [[[0, one, two, 0]]])

# %% nbgrader={"grade": true, "grade_id": "q3-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: several channels, biases and dilations, windows longer than the image too
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 3])
x, weight, bias = rng.normal(size=(2, 9)), rng.normal(size=(3, 4)), rng.normal(size=3)
for dilation in (1, 2, 5):
    want = np.empty((2, 3, 9))
    for i, c, d in np.ndindex(2, 3, 9):
        seen = [(l, d - 1 - l * dilation) for l in range(4)]
        want[i, c, d] = bias[c] + sum(weight[c, l] * x[i, e] for l, e in seen if e >= 0)
    check(causal_convolution(x, weight, bias, dilation), want)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. A missing pixel (3 points)
#
# One pixel of each image, at position $d$, is lost; all others are known. Draw it from $p(x_d \mid \text{all the others})$ under a chain of order 1,
# exactly. What comes *after* the gap matters as well as what comes before.
#
# *Trains: a conditional from a joint; sampling; the two ends.*


# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_missing(x, d, start, transition, generator):
    """Draws of pixel d, an integer array (B,), one for each row of x (B, D); x[:, d] is not used."""
    ### BEGIN SOLUTION
    p = transition[x[:, d - 1]] if d > 0 else np.tile(start, (len(x), 1))
    if d < x.shape[1] - 1:
        p = p * transition[:, x[:, d + 1]].T
    p = torch.as_tensor(p / p.sum(1, keepdims=True))
    return torch.multinomial(p, 1, generator=generator)[:, 0].numpy()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q4-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A chain that counts 0, 1, 2, 0, ... leaves no choice; nor does one that counts down.
rng, third = np.random.default_rng([SEED, 24]), np.full(3, 1 / 3)
first, steps = rng.integers(3, size=12), int(rng.integers(1, 3))
cycle = np.eye(3)[(np.arange(3) + steps) % 3]
x = np.stack([first, rng.integers(3, size=12), (first + 2 * steps) % 3], 1)
check(draw_missing(x, 1, third, cycle, seeded(1)), (first + steps) % 3)
# All levels equally probable: equal generators draw the same, others do not.
zeros, draw = np.zeros((50, 3), dtype=int), int(rng.integers(2**31))
some, again, other = (
    np.asarray(draw_missing(zeros, 2, third, np.full((3, 3), 1 / 3), seeded(s)))
    for s in (draw, draw, draw + 1)
)
check(again, some)
assert set(some.tolist()) == {0, 1, 2}, "each level has probability 1/3 here"
assert (some != other).any(), "another generator drew the same"

# %% nbgrader={"grade": true, "grade_id": "q4-inside", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: a gap with neighbours on both sides: frequencies of many draws, against all completions enumerated
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 4])
start, transition = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3), size=3)
n = 20_000
for row in rng.integers(0, 3, size=(4, 5)):
    joint = np.empty(3)
    for k in range(3):
        full = [row[0], row[1], k, row[3], row[4]]
        joint[k] = start[full[0]] * np.prod([transition[i, j] for i, j in itertools.pairwise(full)])
    p, x, draw = joint / joint.sum(), np.tile(row, (n, 1)), int(rng.integers(2**31))
    draws, other = (
        np.asarray(draw_missing(x, 2, start, transition, seeded(s))) for s in (draw, draw + 1)
    )
    assert draws.shape == other.shape == (n,)
    assert np.isin(draws, (0, 1, 2)).all()
    # independent of another generator's, and of the row before: Hoeffding, twice, four rows
    for agree in (np.mean(draws == other), np.mean(draws[1::2] == draws[::2])):
        assert abs(agree - (p**2).sum()) < np.sqrt(np.log(16e6) / n)
    frequency = np.array([np.mean(draws == k) for k in range(3)])
    # ‖f − p‖₁ is larger than this once in a million (Bretagnolle–Huber–Carol)
    assert np.abs(frequency - joint / joint.sum()).sum() < np.sqrt(
        2 * (3 * np.log(2) + np.log(1e6)) / n
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q4-ends", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: a gap at the first and at the last position
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 5])
start = np.array([0.8, 0.15, 0.05])[rng.permutation(3)]
transition = rng.dirichlet(np.ones(3), size=3)
n = 20_000
for d, row in itertools.product((0, 3), rng.integers(0, 3, size=(2, 4))):
    joint = np.empty(3)
    for k in range(3):
        full = [k if e == d else row[e] for e in range(4)]
        joint[k] = start[full[0]] * np.prod([transition[i, j] for i, j in itertools.pairwise(full)])
    p, x, draw = joint / joint.sum(), np.tile(row, (n, 1)), int(rng.integers(2**31))
    draws, other = (
        np.asarray(draw_missing(x, d, start, transition, seeded(s))) for s in (draw, draw + 1)
    )
    assert draws.shape == other.shape == (n,)
    assert abs(np.mean(draws == other) - (p**2).sum()) < np.sqrt(np.log(16e6) / n)
    frequency = np.array([np.mean(draws == k) for k in range(3)])
    assert np.abs(frequency - joint / joint.sum()).sum() < np.sqrt(
        2 * (3 * np.log(2) + np.log(1e6)) / n
    )
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. The likelihood of a network (3 points)
#
# A perceptron reads the last $L$ pixels. Level $k$ enters as $v(k) = 2k/(K-1) - 1$, between −1 and 1, and a place before the start enters as 0.
# With $s_d = (v(x_{d-L}), \dots, v(x_{d-1}))$, the oldest pixel first, the logits at position $d$ are
#
# $$ W\, \mathrm{ReLU}(V s_d + c) + b_d , $$
#
# where $V$ is (M, L), $c$ is (M,), $W$ is (K, M), and every position has its own bias: $b$ is (D, K). Compute $\log p(x)$.
#
# *Trains: causality. A network that sees the pixel which it predicts has no likelihood, however good its number looks.*


# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(params, x):
    """log p(x) of each image, (B,), in nats; params is a dict of arrays "V", "c", "W", "b", and x is (B, D)."""
    ### BEGIN SOLUTION
    V, c, W, b = (np.asarray(params[name], dtype=float) for name in ("V", "c", "W", "b"))
    (D, K), L = b.shape, V.shape[1]
    value = 2 * x / (K - 1) - 1
    padded = np.pad(value, ((0, 0), (L, 0)))[:, :-1]
    past = np.lib.stride_tricks.sliding_window_view(padded, L, axis=1)  # (B, D, L)
    logits = np.maximum(past @ V.T + c, 0) @ W.T + b
    log_p = special.log_softmax(logits, axis=-1)
    return np.take_along_axis(log_p, x[..., None], axis=-1)[..., 0].sum(1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q5-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A network with W = 0 knows only the position. Then log p(x) is a sum of D table entries. With V = 0 it knows no more.
x, table = np.array([[0, 2], [1, 0]]), np.log([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
params = {"V": np.ones((4, 2)), "c": np.zeros(4), "W": np.zeros((3, 4)), "b": table}
check(log_prob(params, x), [np.log(0.4), np.log(0.025)])
rng = np.random.default_rng([SEED, 25])
c, W = rng.normal(size=4), rng.normal(size=(3, 4))
p = special.log_softmax(table + W @ np.maximum(c, 0), axis=1)
params = {"V": np.zeros((4, 2)), "c": c, "W": W, "b": table}
check(log_prob(params, x), [p[0, 0] + p[1, 2], p[0, 1] + p[1, 0]])

# %% nbgrader={"grade": true, "grade_id": "q5-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: any weights; the probabilities of all images of a small space, which sum to 1
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 6])
K, D, L, M = 3, 4, 2, 5
params = {
    "V": rng.normal(size=(M, L)),
    "c": rng.normal(size=M),
    "W": rng.normal(size=(K, M)),
    "b": rng.normal(size=(D, K)),
}
space = np.array(list(itertools.product(range(K), repeat=D)))
want = np.zeros(len(space))
for i, d in np.ndindex(space.shape):
    window = [2 * space[i, e] / (K - 1) - 1 if e >= 0 else 0.0 for e in range(d - L, d)]
    logits = params["W"] @ np.maximum(params["V"] @ window + params["c"], 0) + params["b"][d]
    want[i] += logits[space[i, d]] - special.logsumexp(logits)
got = log_prob(params, space)
check(got, want, tolerance=1e-5)
check(np.exp(got).sum(), 1, tolerance=1e-4)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q6-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. Train it (4 points)
#
# Train the network of question 5 by maximum likelihood, and return its parameters. Choose $L \le 64$ and $M \le 128$, the
# optimiser, and when to stop; all four calls of the tests together may take twenty seconds on one core. It is fast to begin at the model of independent pixels: $W = 0$ (but not $V$) and $b$ the logarithms of
# smoothed frequencies. The hidden test trains on 1,000 digits and scores on others, with its own `log_prob`; it turns and mirrors them, and takes the negatives (`disguised` above), so that nobody needs to look
# them up. Independent pixels reach about 106 nats; you need 98. (The chapter's perceptron, which does not know its position, reaches 95, its convolution 81.)
#
# *Trains: all of the chapter. If your training loss is far below 80 nats, read question 5 again.*


# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, levels, generator):
    """A dict of arrays "V", "c", "W", "b" as in question 5; images is (N, D)."""
    ### BEGIN SOLUTION
    x, L, M = torch.as_tensor(images), 18, 64
    N, D = x.shape
    value = torch.nn.functional.pad(2 * x.float() / (levels - 1) - 1, (L, -1))
    past = value.unfold(1, L, 1)  # (N, D, L), the oldest pixel first
    counts = torch.nn.functional.one_hot(x, levels).sum(0) + 0.1
    V = torch.randn(M, L, generator=generator) / L**0.5
    c, W = torch.zeros(M), torch.zeros(levels, M)
    b = (counts / counts.sum(1, keepdim=True)).log()
    weights = [w.requires_grad_() for w in (V, c, W, b)]
    epochs, batch = 12, 25
    steps = epochs * (N // batch)
    optimizer = torch.optim.AdamW(weights, lr=4e-3, weight_decay=0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(epochs):
        for rows in torch.randperm(N, generator=generator)[: N // batch * batch].view(-1, batch):
            logits = (past[rows] @ V.T + c).relu() @ W.T + b
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), x[rows].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return dict(zip("VcWb", (w.detach().numpy() for w in weights), strict=True))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q6-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A hundred images with three levels, to see that it runs, and that it draws from its generator alone.
from coursepkg.data.digits import load_split

rng = np.random.default_rng([SEED, 26])
few = load_split().train.numpy()[rng.permutation(1000)[:100]] // 6
params = train(few, 3, seeded(1))
M, L = np.shape(params["V"])
assert L <= 64, f"L is {L}"
assert M <= 128, f"M is {M}"
shapes = {name: np.shape(value) for name, value in params.items()}
assert shapes == {"V": (M, L), "c": (M,), "W": (3, M), "b": (64, 3)}, f"shapes {shapes}"
assert all(np.isfinite(value).all() for value in params.values()), "not all numbers are finite"
again = train(few, 3, seeded(1))
for name in params:
    check(again[name], params[name], tolerance=1e-3)
# Three hundred images, each of one level, 0 or 1. Who has seen the pixels before knows the last one.
level = (rng.uniform(size=300) < rng.uniform(0.3, 0.7)).astype(int)
params = train(np.repeat(level[:, None], 64, axis=1), 2, seeded(2))
V, c, W, b = [np.asarray(params[name], dtype=float) for name in "VcWb"]
for k in (0, 1):
    logits = W @ np.maximum(V @ np.full(V.shape[1], 2.0 * k - 1) + c, 0) + b[63]
    p = special.softmax(logits)[k]
    assert p > 0.9, f"after 63 pixels of level {k} one more has the probability {p:.2f}"

# %% nbgrader={"grade": true, "grade_id": "q6-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# hint: at most 98 nats on images that were not in the training set, scored with a log_prob that is right
### BEGIN HIDDEN TESTS
from coursepkg.data.digits import load_split

rng = np.random.default_rng([SEED, 7])
images = disguised(rng, load_split())
params = train(images[:1000], 17, seeded(int(rng.integers(2**31))))
M, L = np.shape(params["V"])
assert M <= 128
assert L <= 64
assert [np.shape(params[name]) for name in "cWb"] == [(M,), (17, M), (64, 17)]
V, c, W, b = (np.asarray(params[name], dtype=float) for name in ("V", "c", "W", "b"))
x = images[1350:]
padded = np.pad(x / 8 - 1, ((0, 0), (L, 0)))
log_p = np.zeros(len(x))
for d in range(64):
    logits = np.maximum(padded[:, d : d + L] @ V.T + c, 0) @ W.T + b[d]
    assert np.abs(logits).max() < 1e6  # else rounding swallows the score
    log_p += logits[np.arange(len(x)), x[:, d]] - special.logsumexp(logits, axis=1)
assert -log_p.mean() <= 98, f"{-log_p.mean()} nats"
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q7-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 7. PixelCNN, and what it does not see (4 points)
#
# An image is now an array (H, W) of levels, read row by row, each row from left to right. A PixelCNN is a stack of $L$ convolutions. Each layer has a
# square window of its own odd side $k = 2r + 1$, and zeros around the image:
#
# $$ h^{(l)}_{c,i,j} = b_c + \sum_{c'} \sum_{s=0}^{k-1} \sum_{t=0}^{k-1} m_{s,t}\, w_{c,c',s,t}\, a^{(l-1)}_{c',\,i+s-r,\,j+t-r} . $$
#
# The first layer reads one channel, $a^{(0)} = v(x)$, the levels between −1 and 1 as in question 5. Each later one reads $a^{(l)} = \mathrm{ReLU}(h^{(l)})$. The last has $K$ channels, the logits $h^{(L)}$ of the
# $K$ levels at pixel $(i, j)$. The mask $m$ is 1 at the places of the window that are read before its centre and 0 at those that are read after it. At the centre, mask A is 0 and mask B is 1:
#
# $$ A = \begin{pmatrix} 1 & 1 & 1 \\ 1 & 0 & 0 \\ 0 & 0 & 0 \end{pmatrix} \text{ in the first layer,} \qquad B = \begin{pmatrix} 1 & 1 & 1 \\ 1 & 1 & 0 \\ 0 & 0 & 0 \end{pmatrix} \text{ in all others (both for } k = 3 \text{).} $$
#
# With mask B in the first layer too, the logits of a pixel would see this pixel: numbers as good as you like, and no probabilities of images. Look for leaks: change one pixel, and nothing may move that is read before it.
#
# **An example.** $K = 2$, one layer, $k = 3$, no bias, and a single weight that is not 0: $w_{1,0,1,0} = \log 3$, from the left neighbour to the logit of level 1. Then level 1 has the probability 3/4 where the left neighbour is 1, 1/4
# where it is 0, and 1/2 in the first column, which has none. So the image with the rows 1 1 and 0 1 has the probability $\frac12 \cdot \frac34 \cdot \frac12 \cdot \frac14 = \frac{3}{64}$.
#
# Write two functions. `pixel_log_probs` gives these four logarithms. `receptive_field` needs no weights: which pixels of the image can reach the logits of one pixel, on a way
# that leads through one shown place of each layer's window? Part of what was read before never does, however many layers there are: it is the blind spot.
#
# *Trains: masks A and B, and where each belongs; why a leak looks like a wonderful likelihood; the blind spot.*


# %% nbgrader={"grade": false, "grade_id": "q7-prob", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_log_probs(layers, x):
    """log p of each pixel given those before it, (B, H, W), in nats; x is (B, H, W), integers.

    layers is a list of pairs (weight, bias), the first layer first: arrays (C, C', k, k) and (C,),
    where C' is the number of channels that the layer reads, and k may differ between layers.
    """
    ### BEGIN SOLUTION
    levels = len(layers[-1][1])
    a = torch.as_tensor(2 * x / (levels - 1) - 1)[:, None]
    for number, (weight, bias) in enumerate(layers):
        k = weight.shape[-1]
        mask = np.arange(k * k).reshape(k, k) < k * k // 2 + (number > 0)
        masked, bias = torch.as_tensor(weight * mask), torch.as_tensor(bias)
        h = torch.nn.functional.conv2d(a, masked, bias, padding=k // 2)
        a = h.relu()
    log_p = h.log_softmax(1)
    return log_p.gather(1, torch.as_tensor(x)[:, None])[:, 0].numpy()
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q7-field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(shape, sizes, place):
    """The pixels that the logits at `place` may depend on: a boolean array of this shape, (H, W).

    sizes lists the side k of each layer's window, the first layer first; place is a pair (i, j).
    """
    ### BEGIN SOLUTION
    field = np.zeros(shape, dtype=bool)
    field[place] = True
    for number in reversed(range(len(sizes))):  # from the logits down to the image
        r, above = sizes[number] // 2, field
        field = np.zeros(shape, dtype=bool)
        for i, j in zip(*above.nonzero(), strict=True):
            field[max(i - r, 0) : i, max(j - r, 0) : j + r + 1] = True
            field[i, max(j - r, 0) : j + (number > 0)] = True
    return field
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q7-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# First `pixel_log_probs`. The example, with m for 3; the weights that mask A hides are 9 here, so that a leak shows.
rng = np.random.default_rng([SEED, 27])
m, x = rng.uniform(2, 9), np.array([[[1, 1], [0, 1]]])
want = np.log([[[1 / 2, m / (m + 1)], [1 / 2, 1 / (m + 1)]]])
weight = np.zeros((2, 1, 3, 3))
weight[1, 0, 1, 0], weight[1, 0, 1, 1:], weight[1, 0, 2] = np.log(m), 9, 9
check(pixel_log_probs([(weight, np.zeros(2))], x), want)
# The same with two layers: two channels hold the left neighbour and minus the left neighbour, and mask B lets both through.
first, second = np.zeros((2, 1, 3, 3)), np.zeros((2, 2, 3, 3))
first[:, 0, 1, 0] = [1, -1]
second[1, :, 1, 1] = [np.log(m), -np.log(m)]
check(pixel_log_probs([(first, np.zeros(2)), (second, np.zeros(2))], x), want)
# Now `receptive_field`. Pixel o sees the pixels # through one window of side 3, which is mask A, and through two of them.
# The picture may stand further to the right in a larger image.
one = [".......", ".......", "..###..", "..#o..."]
two = [".......", ".#####.", ".####..", ".##o..."]
for right in (0, int(rng.integers(1, 5))):
    for sizes, picture in (([3], one), ([3, 3], two)):
        want = [[pixel == "#" for pixel in right * "." + row] for row in picture]
        check(receptive_field((4, 7 + right), sizes, (3, 3 + right)), want)

# %% nbgrader={"grade": true, "grade_id": "q7-causal", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: one pixel changed: which probabilities move, and which must not; and those of all images of a small space, which sum to 1
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 8])
H, W = 4, 5
D = H * W
# Positive weights, and biases that keep every ReLU on: no two ways cancel, and no way is shut.
first, second = rng.uniform(0.2, 0.4, size=(2, 1, 3, 3)), np.zeros((2, 2, 3, 3))
second[1] = rng.uniform(0.1, 0.2, size=(2, 3, 3))
layers = [(first, np.full(2, 2.0)), (second, np.array([0.0, -3.0]))]
x = np.tile(rng.integers(0, 2, size=D), (D + 1, 1))
x[np.arange(D), np.arange(D)] ^= 1  # image e has another pixel e; the last has none
got = np.asarray(pixel_log_probs(layers, x.reshape(-1, H, W)), dtype=float)
assert got.shape == (D + 1, H, W)
got = got.reshape(D + 1, D)
moved = np.abs(got[:-1] - got[-1]).T
i, j = np.divmod(np.arange(D), W)
near = (abs(i - i[:, None]) <= 1) & (abs(j - j[:, None]) <= 1)
seen = np.tril(near).astype(int) @ np.tril(near, -1) > 0
others = ~np.eye(D, dtype=bool)
assert (moved[seen] > 1e-4).all()
assert (moved[others & ~seen] < 1e-5).all()
check(np.exp(np.diag(got)) + np.exp(got[-1]), np.ones(D))  # its two levels
K, sizes = 3, (3, 1, 3)
layers = [
    (rng.normal(size=(out, into, k, k)), rng.normal(size=out))
    for out, into, k in zip((2, 3, K), (1, 2, 3), sizes, strict=True)
]
space = np.array(list(itertools.product(range(K), repeat=6))).reshape(-1, 2, 3)
log_p = np.asarray(pixel_log_probs(layers, space), dtype=float).sum((1, 2))
assert log_p.std() > 1e-2
check(np.exp(log_p).sum(), 1, tolerance=1e-4)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q7-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: the probabilities of pixels under any weights, with several channels, levels and windows
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 9])
for sizes, K in (((3, 5, 1), 4), ((5, 3, 3), 3), ((7,), 2)):
    channels = [1, *rng.integers(2, 5, size=len(sizes) - 1).tolist(), K]
    layers = [
        (rng.normal(size=(out, into, k, k)) / np.sqrt(into * k), rng.normal(size=out))
        for k, (into, out) in zip(sizes, itertools.pairwise(channels), strict=True)
    ]
    x = rng.integers(0, K, size=(3, 4, 6))
    h = (2 * x / (K - 1) - 1)[:, None]
    for number, (weight, bias) in enumerate(layers):
        a = np.maximum(h, 0) if number else h
        h = np.tile(bias[:, None, None], (3, 1, 4, 6))
        r = sizes[number] // 2
        for i, j, u, v in np.ndindex(4, 6, 2 * r + 1, 2 * r + 1):
            row, column = i + u - r, j + v - r
            shown = (row, column) < (i, j) or (number and (row, column) == (i, j))
            if shown and row >= 0 and 0 <= column < 6:
                h[:, :, i, j] += a[:, :, row, column] @ weight[:, :, u, v].T
    log_p = h - special.logsumexp(h, axis=1, keepdims=True)
    check(pixel_log_probs(layers, x), np.take_along_axis(log_p, x[:, None], axis=1)[:, 0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q7-sees", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: the receptive fields of all pixels, also at the edges, for windows of several sides and for one to four layers
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 10])
some = [int(rng.choice([3, 5])), *rng.choice([1, 3, 5], size=2).tolist()]
cases = [(6, 9, some), (5, 8, [3, 1, 5]), (6, 7, [3, 3, 3, 3]), (4, 5, [7]), (1, 5, [3, 3])]
for H, W, sizes in cases:
    i, j = np.divmod(np.arange(H * W), W)
    reach = np.eye(H * W, dtype=int)
    for number in reversed(range(len(sizes))):  # which pixel reaches which, as a product of tables
        r = sizes[number] // 2
        near = (abs(i - i[:, None]) <= r) & (abs(j - j[:, None]) <= r)
        reach = np.minimum(reach @ np.tril(near, 0 if number else -1), 1)
    for d in range(H * W):
        place = (int(i[d]), int(j[d]))
        check(receptive_field((H, W), sizes, place), reach[d].reshape(H, W))
### END HIDDEN TESTS
