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
# grader: delete = coursepkg.models.language, coursepkg.models.autoregressive, coursepkg.nets.attention, coursepkg.data.languages
# grader: close = transformers
# grader: seconds = 320

# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 20: Transformers and language models
#
# Seven questions, 20 points: questions 1 to 3 on [chapter 20](https://your-organisation.github.io/generative-models/notebooks/20_transformers.html), questions 4 to 7 on [chapter 21](https://your-organisation.github.io/generative-models/notebooks/21_language_models.html).
# Write your code in place of `raise NotImplementedError`. Below each question stands a test that you can run as often as
# you like, and an empty cell whose comment says what the hidden test looks at. Run the whole notebook from the top
# before you hand it in. The tests draw their numbers from `SEED`, and the grader has another one; five digits are enough unless the question says otherwise.
#
# A **table** of $K$ symbols is the simplest language model: a matrix of probabilities $(K + 1, K + 1)$, whose rows sum to 1. Row 0 says what comes first, and row $i + 1$ what comes after symbol $i$; column $j$ belongs to symbol $j$, and the **last column to the end** of the string. Symbols are the integers $0, \dots, K - 1$, and a string is a list of them; the empty string is a string. Of two symbols, `a` and `b`:
#
# ```
#               a     b    end
# first      [ 0.5   0.3   0.2 ]
# after a    [ 0.1   0.6   0.3 ]        p(ab) = 0.5 · 0.6 · 0.2
# after b    [ 0.7   0.1   0.2 ]
# ```
#
# All logarithms are natural, except in question 4. A probability may be 0, and then its logarithm is $-\infty$.
# Return NumPy arrays or numbers, or what the docstring says. Whatever is random must come from the `generator` that your function is given. You may use NumPy, SciPy and PyTorch, and the functions of the next cell.
# `transformers` cannot be imported where your notebook is graded.

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


def strings_of(K, T):
    """All strings of exactly T of K symbols, a list of lists."""
    return [list(one) for one in itertools.product(range(K), repeat=T)]


def chain_log_probs(start, step, y):
    """log p of strings y (B, T) of a fixed number of symbols, (B,): there is no end.

    start (K,) is the law of the first symbol; step (K, K) has a row for what follows each.
    """
    return np.log(start)[y[:, 0]] + np.log(step)[y[:, :-1], y[:, 1:]].sum(1)


# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. Strings that end, and strings that do not (3 points)
#
# A table gives each finite string a probability. `string_log_probs` computes the logarithms for a list of strings, some of them so long that no floating-point number holds the probability.
#
# Do the probabilities of all finite strings sum to one? Chapter 20 had an end that became less and less likely. A table can lose mass in a simpler way: in this one, whoever writes a `b` never stops.
#
# ```
#               a     b    end
# first      [ 0.5   0.3   0.2 ]
# after a    [ 0.1   0.6   0.3 ]
# after b    [  0     1     0  ]
# ```
#
# `endings` computes the mass of all finite strings, and **the mean number of symbols of those that end**: the mean length under the condition that there is an end. The end itself is no symbol. The mass is never 0, but the end may be so rare that the mean is in the millions; so do not sum over lengths.
#
# *Hint.* Let $h_i$ be the probability of an end at some time if symbol $i$ stands last. One step relates it to the $h_j$ of what comes next, and that is a system of linear equations. Is it regular? What should $h_i$ be where no way leads to an end? For the mean, ask for the expectation of the number of further symbols, counted as 0 where there is no end.
#
# *Trains: a law over all finite strings, in which each string pays for its end; where mass goes that never ends; expectations of strings without sampling one.*


# %% nbgrader={"grade": false, "grade_id": "q1-score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def string_log_probs(table, strings):
    """log p of each string, (N,), its end included; strings is a list of N lists of integers."""
    ### BEGIN SOLUTION
    with np.errstate(divide="ignore"):
        log_table = np.log(table)
    result = []
    for y in strings:
        before, after = [0, *(i + 1 for i in y)], [*y, -1]
        result.append(log_table[before, after].sum())
    return np.array(result)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q1-mass", "locked": false, "schema_version": 3, "solution": true, "task": false}
def endings(table):
    """The mass of all finite strings, and the mean number of symbols of those that end, a pair."""
    ### BEGIN SOLUTION
    step, stop = table[1:, :-1], table[1:, -1]
    can = stop > 0  # a way leads to an end
    for _ in stop:
        can = can | (step[:, can] > 0).any(1)
    step = np.where(can[:, None] & can, step, 0)
    inverse = np.linalg.inv(np.eye(len(stop)) - step)
    h = inverse @ stop  # probability to end
    longer = inverse @ step @ h  # E[further symbols; there is an end]
    first = table[0, :-1]
    mass = first @ h + table[0, -1]
    return mass, first @ (h + longer) / mass
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The example of chapter 20: whatever stands before, a has 0.5, b has 0.3 and the end 0.2. Then numbers of your own.
rng = np.random.default_rng([SEED, 21])
for a, b, end in ((0.5, 0.3, 0.2), rng.dirichlet([4.0, 3, 2])):
    table = np.tile([a, b, end], (3, 1))
    got = string_log_probs(table, [[], [0], [0, 1], [0, 0, 1]])
    check(got, np.log([end, a * end, a * b * end, a * a * b * end]))
    check(endings(table), [1, (1 - end) / end])
# Whoever writes a b never stops: what ends is a, aa, aaa and so on.
a, end = rng.uniform(0.2, 0.8, size=2)
table = np.array([[a, 1 - a, 0], [1 - end, 0, end], [0, 1, 0]])
check(string_log_probs(table, [[0, 0], [0, 1]]), [np.log(a * (1 - end) * end), -np.inf])
check(endings(table), [a, 1 / end])

# %% nbgrader={"grade": true, "grade_id": "q1-strings", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any tables, with zeros too; all short strings, whose mass is known; strings of thousands of symbols
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 1])
for K, T in ((3, 5), (5, 3), (1, 6)):
    table = rng.dirichlet(np.ones(K + 1), size=K + 1)
    if K > 1:
        table[2, 1] = 0
        table[2] /= table[2].sum()
    strings = [y for t in range(T + 1) for y in strings_of(K, t)]
    want, left = [], np.append(1.0, np.zeros(K))
    for y in strings:
        p, row = 1.0, 0
        for symbol in y:
            p, row = p * table[row, symbol], symbol + 1
        with np.errstate(divide="ignore"):
            want.append(np.log(p * table[row, K]))
    got = np.asarray(string_log_probs(table, strings), dtype=float)
    check(got, want)
    for _ in range(T + 1):  # the mass that has not ended
        left = np.append(0, left @ table[:, :K])
    check(np.exp(got).sum(), 1 - left.sum())
table = rng.dirichlet(np.ones(5), size=5)
strings = [rng.integers(4, size=n).tolist() for n in (3000, 900, 2)]
want = []
for y in strings:
    pairs = np.zeros((5, 5))
    for i, j in zip([-1, *y], [*y, 4], strict=True):
        pairs[i + 1, j] += 1
    want.append((pairs * np.log(table)).sum())
check(string_log_probs(table, strings), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q1-endings", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: tables with several symbols from which no way leads to the end, and tables whose strings are very long
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 2])
for K, trapped, rare in (
    (3, 0, 1.0),
    (6, 2, 1.0),
    (5, 3, 0.05),
    (7, 1, 1.0),
    (4, 2, 0.3),
    (4, 0, 3e-6),
):
    table = rng.dirichlet(np.ones(K + 1), size=K + 1)
    table[:, -1] *= rare
    table[2, -1] = 0  # no end just after symbol 1
    names = 2 + rng.permutation(K - 2)[:trapped]
    inside = np.isin(np.arange(K), names)
    table[1:][np.ix_(inside, np.append(~inside, True))] = 0
    if K == 4 and trapped:  # the two follow each other in turn
        table[names + 1, names] = 0
    table /= table.sum(1, keepdims=True)
    # the law of where the string stands, by squaring: the end and the rest stay where they are
    whole = np.zeros((K + 2, K + 2))
    whole[: K + 1, 1:] = table
    whole[-1, -1] = 1
    count = np.zeros((2 * K + 4, 2 * K + 4))  # an upper right block for the number of symbols
    count[: K + 2, : K + 2] = count[K + 2 :, K + 2 :] = whole
    count[: K + 1, K + 2 + 1 : 2 * K + 3] = table[:, :-1]
    for _ in range(50):
        count = count @ count
    mass = count[0, K + 1]
    check(endings(table), [mass, count[0, -1] / mass], tolerance=1e-4)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. From a bug: attention in a batch (3 points)
#
# A batch holds $B$ texts of different lengths. They end together at the right; on the left stands **padding**, which belongs to no text and whose numbers mean nothing. Text $b$ begins at place $f_b$. Each place looks at the last $W$ places of its own text, itself included:
#
# ```
#  place     0   1   2   3   4   5
#  text 0    a   b   c   d   e   f         f_0 = 0
#  text 1    ·   ·   p   q   r   s         f_1 = 2      W = 3: r looks at p, q, r,
#                                                       and q at p and q
# ```
#
# $$ \mathrm{Att}_t = \sum_{s \in \mathcal{S}_t} \alpha_{ts}\, v_s , \qquad \alpha_{ts} = \frac{\exp(q_t \cdot k_s / \sqrt d)}{\sum_{i \in \mathcal{S}_t} \exp(q_t \cdot k_i / \sqrt d)} , \qquad \mathcal{S}_t = \{ s : f_b \le s \le t,\ t - s < W \} , $$
#
# and 0 at the places of the padding.
#
# Somebody has written `first_try` below, and says: "I have tested it. If I exchange a later value, nothing before it changes." That is true, and yet the future is in what it gives, and it is wrong in more ways. Write it as it should be. Scores may be so large that their exponentials are no floating-point numbers.
#
# `attend_back` is the way back. Let $c = \sum_{b,t} g_{bt} \cdot \mathrm{Att}_{bt}$ with given vectors $g$: find the gradients of $c$ with respect to all $q$, $k$ and $v$. PyTorch can do this for you; a pencil can, too, and it is worth the time.
#
# *Hint.* If $\alpha$ is a softmax of scores, then $\partial \alpha_s / \partial \text{score}_i = \alpha_s (\mathbb{1}[s = i] - \alpha_i)$.
#
# *Trains: a mask that is set before the softmax; what may depend on what; which axis sums to one; the gradient of a softmax.*


# %% nbgrader={"grade": false, "grade_id": "q2-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
def first_try(q, k, v, first, window):
    """Meant to be the attention of each place; shapes as in `attend`."""
    B, T, d = q.shape
    scores = np.einsum("btd,bsd->bts", q, k) / d
    weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    for b, t, s in np.ndindex(B, T, T):
        if s > t or t - s > window:
            weights[b, t, s] = 0
    return np.einsum("bts,bse->bte", weights, v)


# %% nbgrader={"grade": false, "grade_id": "q2-attend", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attend(q, k, v, first, window):
    """Att, (B, T, E); q and k are (B, T, d), v is (B, T, E), first (B,) the f_b, window the W."""
    ### BEGIN SOLUTION
    T, d = q.shape[1:]
    ago = np.arange(T)[:, None] - np.arange(T)
    inside = np.arange(T) >= first[:, None, None]
    seen = (ago >= 0) & (ago < window) & inside  # (B, T, T)
    scores = np.where(seen, q @ k.transpose(0, 2, 1) / np.sqrt(d), -np.inf)
    top = scores.max(2, keepdims=True)
    weights = np.exp(scores - np.where(np.isfinite(top), top, 0))
    weights /= np.maximum(weights.sum(2, keepdims=True), 0.5)  # 0 / 0.5 in the padding
    return weights @ v
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attend_back(q, k, v, first, window, g):
    """The gradients of c, shaped like q, k and v, a triple; g is (B, T, E)."""
    ### BEGIN SOLUTION
    T, d = q.shape[1:]
    ago = np.arange(T)[:, None] - np.arange(T)
    inside = np.arange(T) >= first[:, None, None]
    seen = (ago >= 0) & (ago < window) & inside
    scores = np.where(seen, q @ k.transpose(0, 2, 1) / np.sqrt(d), -np.inf)
    top = scores.max(2, keepdims=True)
    weights = np.exp(scores - np.where(np.isfinite(top), top, 0))
    weights /= np.maximum(weights.sum(2, keepdims=True), 0.5)
    of_weights = g @ v.transpose(0, 2, 1)
    mean = (weights * of_weights).sum(2, keepdims=True)
    of_scores = weights * (of_weights - mean) / np.sqrt(d)
    return of_scores @ k, of_scores.transpose(0, 2, 1) @ q, weights.transpose(0, 2, 1) @ g
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The chapter's example: inner products 0 and 2 with keys of four features, and values 0 and 10. Then another score, and a text of one place.
rng = np.random.default_rng([SEED, 22])
for product in (2.0, rng.uniform(1, 4)):
    q, k, v = np.zeros((2, 2, 4)), np.zeros((2, 2, 4)), np.zeros((2, 2, 1))
    q[:, 1, 0], k[:, 1, 0], v[:, 1, 0] = product, 1, 10
    first = np.array([0, 1])  # the second text has one place: it answers what stands there
    p = special.expit(product / 2)
    check(attend(q, k, v, first, 2), [[[0], [10 * p]], [[0], [10]]])
    check(attend(q, k, v, first, 1), v)
    g = np.ones((2, 2, 1))
    of_q, of_k, of_v = attend_back(q, k, v, first, 2, g)
    check(of_v, [[[2 - p], [p]], [[0], [1]]])
    check(np.asarray(of_q)[0, 1], [10 * p * (1 - p) / 2, 0, 0, 0])
    check(np.asarray(of_k)[0], np.outer([-1, 1], q[0, 1]) * 10 * p * (1 - p) / 2)

# %% nbgrader={"grade": true, "grade_id": "q2-values", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any texts, windows and paddings, against a loop; large scores; what stands later or in the padding changes nothing
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 3])
for B, T, d, E, W, size in ((3, 6, 4, 2, 3, 1), (2, 5, 3, 4, 5, 1), (2, 7, 2, 1, 4, 300)):
    q, k, v = (rng.normal(size=(B, T, n)) for n in (d, d, E))
    q, first = size * q, rng.permutation(T - 1)[:B]
    want = np.zeros((B, T, E))
    for b in range(B):
        for t in range(first[b], T):
            low = max(first[b], t + 1 - W)
            scores = [float(q[b, t] @ k[b, s]) / d**0.5 for s in range(low, t + 1)]
            p = special.softmax(scores)
            want[b, t] = sum(p[n] * v[b, low + n] for n in range(len(p)))
    check(attend(q, k, v, first, W), want)
    cut = T - 2  # the last two places have not come yet
    later = [
        np.concatenate([x[:, :cut], 50 * rng.normal(size=x[:, cut:].shape)], 1) for x in (q, k, v)
    ]
    for x in later:
        for b in range(B):
            x[b, : first[b]] = 50 * rng.normal(size=x[b, : first[b]].shape)
    check(np.asarray(attend(*later, first, W))[:, :cut], want[:, :cut])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q2-gradient", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: all three gradients, in texts with padding and a window, against automatic differentiation
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 4])
for B, T, d, E, W, size in ((3, 6, 4, 2, 3, 1), (2, 5, 3, 4, 5, 1), (2, 6, 2, 3, 4, 200)):
    q, k, v, g = (rng.normal(size=(B, T, n)) for n in (d, d, E, E))
    q, first = size * q, rng.permutation(T - 1)[:B]
    tq, tk, tv = (torch.tensor(x, requires_grad=True) for x in (q, k, v))
    total = torch.zeros((), dtype=torch.float64)
    for b in range(B):
        for t in range(int(first[b]), T):
            low = max(int(first[b]), t + 1 - W)
            p = (tk[b, low : t + 1] @ tq[b, t] / d**0.5).softmax(0)
            total = total + (p @ tv[b, low : t + 1]) @ torch.tensor(g[b, t])
    wants = torch.autograd.grad(total, (tq, tk, tv))
    for got, want in zip(attend_back(q, k, v, first, W, g), wants, strict=True):
        check(got, want.numpy())
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. Turns (3 points)
#
# Rotary positions turn queries and keys by angles that grow with the place. Here the pairs are **neighbours**: features $2i$ and $2i + 1$ are pair $i$, and place $t$ turns it by the angle $\omega_i t$, from the first axis of the pair towards the second. A place may be any real number, negative ones too.
#
# ```
#   feature  2i+1
#        │    ╱ turned by ω_i t
#        │   ╱ ⌒
#        │  ╱____ as it was
#        └──────────── feature 2i
# ```
#
# `turn` does this to each row, at the row's own place.
#
# The score of a query at place $t$ and a key at place $s$ then knows $t - s$ alone. Without a root of $d$ it is
#
# $$ (U_t\, q) \cdot (U_s\, k) = \sum_{i} \bigl( a_i \cos \omega_i (t - s) + b_i \sin \omega_i (t - s) \bigr) . $$
#
# `waves` gives the $a_i$ and the $b_i$ of a query and a key.
#
# With this one can build a head by hand. `look_back` gives a query and a key **in which each pair has length 1**, and whose score is largest, $d/2$, where the key stands $n$ places **before** the query. (With large multiples of them attention looks at the place $n$ back, whatever symbols stand there. The first layer of the reader in chapter 20 does this for $n = 1$, by other means.)
#
# *Trains: turns of a plane; positions that are relative by construction, and the sign that tells before from after; a head made without training.*


# %% nbgrader={"grade": false, "grade_id": "q3-turn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def turn(x, places, omegas):
    """The rows of x, turned, (B, d); x is (B, d), places is (B,), omegas is (d/2,)."""
    ### BEGIN SOLUTION
    angle = places[:, None] * omegas
    left, right = x[:, 0::2], x[:, 1::2]
    turned = np.empty(x.shape)
    turned[:, 0::2] = np.cos(angle) * left - np.sin(angle) * right
    turned[:, 1::2] = np.sin(angle) * left + np.cos(angle) * right
    return turned
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q3-waves", "locked": false, "schema_version": 3, "solution": true, "task": false}
def waves(q, k):
    """The a_i and below them the b_i, (2, d/2); q and k are (d,)."""
    ### BEGIN SOLUTION
    a = q[0::2] * k[0::2] + q[1::2] * k[1::2]
    b = q[0::2] * k[1::2] - q[1::2] * k[0::2]
    return np.stack([a, b])
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q3-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def look_back(omegas, n):
    """A query and a key, (2, d), whose score is d/2 at the distance n; omegas is (d/2,)."""
    ### BEGIN SOLUTION
    q, k = np.zeros((2, 2 * len(omegas)))
    q[0::2], q[1::2] = np.cos(omegas * n), -np.sin(omegas * n)
    k[0::2] = 1
    return np.stack([q, k])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q3-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One pair. A turn by 90 degrees takes (1, 0) to (0, 1); a full one changes nothing.
rng = np.random.default_rng([SEED, 23])
u, w = rng.normal(size=2)
x, quarter = np.array([[1.0, 0], [1, 0], [0, 1], [u, w]]), np.array([np.pi / 2])
check(turn(x, np.array([1, 4, 1, 1]), quarter), [[0, 1], [1, 0], [-1, 0], [-w, u]])
# A query and a key at (1, 0): the score is the cosine of the angle between, -0.99 for three places at ω = 1 (chapter 20).
check(waves(np.array([1.0, 0]), np.array([1.0, 0])), [[1], [0]])
check(waves(np.array([u, 0]), np.array([0, w])), [[0], [u * w]])
# One place back, at a quarter of a turn a place: the query, turned once more than the key, must point where the key does.
q, k = np.asarray(look_back(quarter, 1), dtype=float)
check([-q[1], q[0]], k)
check((q**2).sum(), 1)

# %% nbgrader={"grade": true, "grade_id": "q3-turns", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: many pairs with speeds of their own, at places of all kinds, against products of complex numbers
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 5])
for B, pairs, far in ((5, 3, 10), (1, 1, 1), (8, 6, 3000)):
    x, omegas = rng.normal(size=(B, 2 * pairs)), 10.0 ** -rng.uniform(0, 3, size=pairs)
    places = np.where(
        rng.uniform(size=B) < 0.5, rng.integers(-far, far, size=B), far * rng.normal(size=B)
    )
    z = (x[:, 0::2] + 1j * x[:, 1::2]) * np.exp(1j * places[:, None] * omegas)
    want = np.stack([z.real, z.imag], axis=2).reshape(x.shape)
    check(turn(x, places, omegas), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q3-relative", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: scores at many places from your waves, against turned vectors; where your query and key fit best, and how well
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 6])
for pairs in (1, 3, 5):
    q, k = rng.normal(size=(2, 2 * pairs))
    omegas = 10.0 ** -rng.uniform(0, 2, size=pairs)
    both = np.asarray(waves(q, k), dtype=float)
    assert both.shape == (2, pairs), f"shape {both.shape}"
    a, b = both
    for t, s in ((0, 0), (3, 1), (1, 3), (40, 7), *rng.uniform(-20, 20, size=(4, 2))):
        zq, zk = ((x[0::2] + 1j * x[1::2]) * np.exp(1j * o * omegas) for x, o in ((q, t), (k, s)))
        want = (zq * zk.conj()).real.sum()
        check((a * np.cos(omegas * (t - s)) + b * np.sin(omegas * (t - s))).sum(), want)
for pairs, n in ((4, 1), (3, 5), (6, 12), (2, 0)):
    omegas = np.append(rng.uniform(0.05, 0.2), rng.uniform(0.3, 1.2, size=pairs - 1))
    q, k = np.asarray(look_back(omegas, n), dtype=float)
    zq, zk = (x[0::2] + 1j * x[1::2] for x in (q, k))
    check(abs(zq), np.ones(pairs))
    check(abs(zk), np.ones(pairs))
    away = np.arange(-15, 16)
    scores = (zq * zk.conj() * np.exp(1j * away[:, None] * omegas)).real.sum(1)
    check(scores.max(), pairs)
    check(away[scores.argmax()], n)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. One text, many spellings (2 points)
#
# A model of tokens reads `abc` as `ab c`, as `a bc`, or as `a b c`. The text has the sum of the probabilities of all of its spellings; a comparison by a single spelling judges the model too harshly. Here the sum can be computed: the model is a table whose symbols are tokens.
#
# ```
#      a       b       c          a spelling is a path from
#  0───────1───────2───────3      the left end to the right;
#  ╰───── ab ──────╯              each arc is a token
#          ╰───── bc ──────╯
# ```
#
# The probability of a spelling $y_1 \dots y_T$ is that of the string of tokens in the table, its end included. `text_bits` gives the **bits per character**, $-\log_2 p / N$ with the number $N$ of characters of the text, first for the **most probable spelling**, then for **all together**: the text itself. There may be more spellings than atoms on earth, and probabilities too small for a floating-point number. A text without a spelling costs infinitely many bits.
#
# *Hint.* What must be known of the part that has been spelt, so that the rest can be spelt? The place, and the last token. How can one reach (place $n$, last token $j$)?
#
# *Trains: bits per character as what can be compared; the sum and the maximum over paths by one recursion.*


# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def text_bits(table, tokens, text):
    """Bits per character of the best spelling and of the text, (2,).

    tokens is a list of K strings, none of them empty, no two the same, and text is a string.
    """
    ### BEGIN SOLUTION
    N, K = len(text), len(tokens)
    with np.errstate(divide="ignore"):
        log_table = np.log(table)
    best, every = np.full((2, N + 1, K + 1), -np.inf)  # by the place and the last row
    best[0, 0] = every[0, 0] = 0
    for n in range(N):
        for j, token in enumerate(tokens):
            if text.startswith(token, n):
                best[n + len(token), j + 1] = (best[n] + log_table[:, j]).max()
                every[n + len(token), j + 1] = special.logsumexp(every[n] + log_table[:, j])
    ends = (best[N] + log_table[:, K]).max(), special.logsumexp(every[N] + log_table[:, K])
    return -np.array(ends) / (N * np.log(2))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q4-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The tokens a, b and ab; whatever stands before, they have the probabilities 1/4, 1/4, 3/8, and the end 1/8. So `ab` costs
# as one token 3/8 · 1/8, as two 1/4 · 1/4 · 1/8. Then numbers of your own.
rng = np.random.default_rng([SEED, 24])
for a, b, ab, end in ((0.25, 0.25, 0.375, 0.125), rng.dirichlet([4.0, 4, 5, 2])):
    table = np.tile([a, b, ab, end], (4, 1))
    one, two = ab * end, a * b * end
    want = -np.log2([max(one, two), one + two]) / 2
    check(text_bits(table, ["a", "b", "ab"], "ab"), want)
    check(text_bits(table, ["a", "b", "ab"], "ba"), 2 * [-np.log2(two) / 2])

# %% nbgrader={"grade": true, "grade_id": "q4-spellings", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: all spellings of short texts, one by one; long texts; accents, impossible spellings, and tokens that depend on the last one
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 7])


def spelt(text, tokens):
    """All spellings, lists of integers."""
    if not text:
        yield []
    for j, token in enumerate(tokens):
        if text.startswith(token):
            yield from ([j, *rest] for rest in spelt(text[len(token) :], tokens))


for letters, extra, N in (
    ("ab", ["ab", "ba", "aab"], 9),
    ("éß日", ["é日", "ßß", "日é日"], 8),
    ("ab", ["aa", "aaa"], 10),
):
    tokens = [extra[0], *letters, *extra[1:]]
    tokens = [tokens[n] for n in rng.permutation(len(tokens))]
    K = len(tokens)
    table = rng.dirichlet(np.full(K + 1, 0.6), size=K + 1)
    table[1, rng.integers(K)] = 0
    table /= table.sum(1, keepdims=True)
    for text in (extra[0] + "".join(rng.choice(list(letters), size=N)), N * letters[0]):
        found = []
        for y in spelt(text, tokens):
            p, row = 1.0, 0
            for symbol in y:
                p, row = p * table[row, symbol], symbol + 1
            found.append(p * table[row, K])
        want = -np.log2([max(found), sum(found)]) / len(text)
        check(text_bits(table, tokens, text), want)
check(text_bits(table, tokens, "abx"), [np.inf, np.inf])
# a long text: `a` and `aa` as products of matrices, one a character, in which a state may be a half of `aa`
table = rng.dirichlet(np.full(3, 5.0), size=3)
table *= [0.6, 0.6, 1]
table[:, 2] = 1 - table[:, :2].sum(1)
forms = []
for add in (np.add, np.maximum):
    N, log_scale = 1500, 0.0
    state = np.array([1.0, 0, 0, 0])  # the beginning, a, aa, half of aa
    for _ in range(N):
        state, rows = np.zeros(4), state
        state[1] = add.reduce(rows[:3] * table[:, 0])
        state[3] = add.reduce(rows[:3] * table[:, 1])
        state[2] = rows[3]
        log_scale += np.log(state.sum())
        state /= state.sum()
    forms.append(log_scale + np.log(add.reduce(state[:3] * table[:, 2])))
check(text_bits(table, ["a", "aa"], N * "a"), -np.array(forms)[::-1] / N / np.log(2))
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. What decoding draws (3 points)
#
# **`nucleus_of`** keeps the fewest symbols, the most likely first, that have at least the share $\alpha$ of the probability, and of equally likely ones the one with the smaller number first. Here it must be *exact*. Floating-point numbers make $0.7 + 0.2$ a little less than $0.9$, and then a nucleus with $\alpha = 0.9$ keeps one symbol too many. So the law is given by whole numbers, $p_j = c_j / \sum_i c_i$, and $\alpha$ as a fraction of two whole numbers. Return the law of what is drawn, and its price $\mathrm{KL}(q \Vert p)$ in nats.
#
# **`temper_strings`.** A temperature $\tau$ of the *strings* draws $y$ with probability $q(y) = p(y)^{1/\tau} / Z$. Chapter 21 says that a tempered conditional at each step does not do this. What does? Let the strings have exactly $T$ symbols, and let $p$ be the law of `chain_log_probs` above. Then $q$ has conditionals of its own. They depend on the place, for they must know how well a symbol can be continued:
#
# ```
#             0.6 ╱ a ── ten ends, 0.1 each        the best string has 0.06
#           ●                                      though a looks better;
#             0.4 ╲ b ── one end, certain          here it has 0.4
# ```
#
# Return an array $(T, K, K)$, whose entry $[t, i, j]$ is $q(y_{t+1} = j \mid y_t = i)$ if symbols are counted from 1; in the first matrix, where nothing stands before, all rows are the law of $y_1$. The temperature may be as low as 0.01 and the strings have up to 200 symbols, so compute with logarithms. All probabilities are positive.
#
# *Hint.* Let $m_t(i)$ be the sum of $p(y_{t+1}, \dots, y_T \mid y_t = i)^{1/\tau}$ over all that can follow. It can be computed from $m_{t+1}$. At $\tau = 1$ it is 1.
#
# *Trains: decoding as a map from laws to laws, and its price; ties; why a rule for each symbol is no rule for the string; messages that come from the end.*


# %% nbgrader={"grade": false, "grade_id": "q5-nucleus", "locked": false, "schema_version": 3, "solution": true, "task": false}
def nucleus_of(counts, share):
    """The law of what is drawn, (K,), and its price in nats, a pair.

    counts is (K,), whole numbers, some of which may be 0; share is the pair of the numbers above
    and below the line of α, which is above 0 and at most 1.
    """
    ### BEGIN SOLUTION
    total, (above, below) = counts.sum(), share
    order = np.argsort(-counts, kind="stable")
    n = 1 + np.argmax(np.cumsum(counts[order]) * below >= total * above)
    kept = np.zeros(len(counts))
    kept[order[:n]] = counts[order[:n]]
    return kept / kept.sum(), np.log(total / kept.sum())
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q5-strings", "locked": false, "schema_version": 3, "solution": true, "task": false}
def temper_strings(start, step, T, temperature):
    """The conditionals of q, (T, K, K); start and step are as in `chain_log_probs`."""
    ### BEGIN SOLUTION
    first, then = np.log(start) / temperature, np.log(step) / temperature
    ahead, made = np.zeros(len(start)), []  # log m
    for _ in range(T - 1):
        scores = then + ahead
        ahead = special.logsumexp(scores, axis=1)
        made.append(np.exp(scores - ahead[:, None]))
    made.append(np.tile(special.softmax(first + ahead), (len(start), 1)))
    return np.stack(made[::-1])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q5-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The chapter's law: with α = 0.6 two symbols are kept, 8/13 and 5/13, at 0.43 nats. With α = 0.65, exactly what two of them have, it is the same two.
rng = np.random.default_rng([SEED, 25])
for share in ((3, 5), (13, 20)):
    q, price = nucleus_of(np.array([5, 25, 10, 40, 20]), share)
    check(q, [0, 5 / 13, 0, 8 / 13, 0])
    check(price, -np.log(0.65))
# Strings of two of two symbols: four numbers, to the power 1/τ, over their sum.
for tau in (0.5, rng.uniform(0.3, 3)):
    first, a, b = rng.uniform(0.2, 0.8, size=3)
    start, step = np.array([first, 1 - first]), np.array([[a, 1 - a], [b, 1 - b]])
    p = (start[:, None] * step) ** (1 / tau)
    got = np.asarray(temper_strings(start, step, 2, tau), dtype=float)
    check(got[0], np.tile(p.sum(1) / p.sum(), (2, 1)))
    check(got[1], p / p.sum(1, keepdims=True))

# %% nbgrader={"grade": true, "grade_id": "q5-nuclei", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: equal counts, zeros, and shares that some symbols reach exactly, against fractions; the price against the sum of q log q / p
### BEGIN HIDDEN TESTS
from fractions import Fraction

rng = np.random.default_rng([SEED, 8])
cases = [(rng.integers(0, 6, size=8) + np.eye(8, dtype=int)[3], None) for _ in range(8)]
cases += [
    (np.array([1, 2, 7]), (9, 10)),
    (np.array([3, 3, 3, 1]), (3, 5)),
    (np.array([0, 4, 0]), (1, 1)),
]
cases += [
    (np.array([2, 0, 5, 3]), (1, 1)),
    (rng.permutation(50) + 1, (999, 1000)),
    (np.array([1, 1, 1]), (1, 100)),
]
for counts, share in cases:
    falling = sorted(counts.tolist(), reverse=True)
    if share is None:
        reached = Fraction(sum(falling[: rng.integers(1, 5)]), sum(falling))
        share = (reached.numerator, reached.denominator)
    left, kept = Fraction(*share) * sum(falling), {}
    for c, j in sorted((-c, j) for j, c in enumerate(counts.tolist())):
        if left > 0:
            kept[j], left = -c, left + c
    want = np.zeros(len(counts))
    for j, c in kept.items():
        want[j] = c / sum(kept.values())
    q, price = nucleus_of(counts, share)
    check(q, want)
    p = counts / counts.sum()
    check(price, special.rel_entr(want, p).sum())
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q5-tempered", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: the law of all strings, one by one; long strings at low temperatures: how often which pair is expected
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 9])
for K, T, tau in ((3, 5, 0.5), (2, 7, 2.5), (4, 4, 0.2), (3, 1, 0.7), (2, 6, 1.0)):
    start, step = rng.dirichlet(np.ones(K)), rng.dirichlet(np.ones(K), size=K)
    y = np.array(strings_of(K, T))
    p = np.exp(chain_log_probs(start, step, y)) ** (1 / tau)
    got = np.asarray(temper_strings(start, step, T, tau), dtype=float)
    assert got.shape == (T, K, K), f"shape {got.shape}"
    check(got[0], np.tile(got[0, 0], (K, 1)))
    q = got[0, 0, y[:, 0]]
    for t in range(1, T):
        q = q * got[t, y[:, t - 1], y[:, t]]
    check(q, p / p.sum())
    check(got.sum(2), np.ones((T, K)))
for K, T, tau in ((5, 200, 0.01), (4, 150, 3.0)):
    start, step = rng.dirichlet(np.full(K, 2.0)), rng.dirichlet(np.full(K, 2.0), size=K)
    first, then = (torch.tensor(np.log(x) / tau, requires_grad=True) for x in (start, step))
    forward = first
    for _ in range(T - 1):
        forward = (forward[:, None] + then).logsumexp(0)
    wants = torch.autograd.grad(forward.logsumexp(0), (first, then))
    got = np.asarray(temper_strings(start, step, T, tau), dtype=float)
    now, pairs = got[0, 0], np.zeros((K, K))
    for matrix in got[1:]:
        pairs += now[:, None] * matrix
        now = now @ matrix
    check(got[0, 0], wants[0].numpy())
    check(pairs, wants[1].numpy(), tolerance=1e-4)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q6-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. A draft that is checked (3 points)
#
# A small model $q$ has guessed the next $n$ symbols, $\hat y_1, \dots, \hat y_n$, and a large one $p$ checks them in one pass. Both are matrices $(K, K)$ of what follows each symbol; nothing ends here. $y_0$ is the last symbol before.
#
# `check_guesses` writes the text on. To test it without luck, it does not draw, but is given uniform numbers, a row of them for each text of a batch:
#
# - guess $\hat y_i$ is kept if all before it were kept and $u_i < p(\hat y_i \mid \cdot) / q(\hat y_i \mid \cdot)$;
# - the first that is not kept is replaced by a draw from the remainder, $p_+ \propto \max(p - q, 0)$, **and what was guessed after it is thrown away**;
# - if all are kept, one more symbol is drawn, from $p$;
# - to draw from a law $\ell$ by the uniform number $w$ take the first symbol $j$ with $\ell(0) + \dots + \ell(j) > w$.
#
# ```
#  guesses    3   1   0   4          3 and 1 are kept, 0 is refused;
#  u < p/q    ✓   ✓   ✗              in its place comes 2, by w.
#  written    3   1   2  -1  -1      n + 1 places, -1 where nothing is
# ```
#
# The hidden test sums over all guesses and over grids of uniform numbers on which the law is exact: what is written, and continued by $p$, must have the law of $p$.
#
# How much does it bring? `pace` gives the **expected number of symbols that one pass writes**, from 1 to $n + 1$, for each $y_0$.
#
# *Hint.* From symbol $i$, the guess $j$ comes *and* is kept with probability $\min(p_{ij}, q_{ij})$. An expectation of a whole number is a sum of probabilities $\Pr(\text{at least } m)$.
#
# *Trains: why a draft does not change the law; contexts that move with what is kept; what a draft is worth.*


# %% nbgrader={"grade": false, "grade_id": "q6-check", "locked": false, "schema_version": 3, "solution": true, "task": false}
def check_guesses(p, q, last, guesses, u, w):
    """What is written, (B, n + 1) integers, -1 where nothing is.

    p and q are (K, K); last (B,) is y_0; guesses and u are (B, n), and w is (B,).
    """
    ### BEGIN SOLUTION
    B, n = guesses.shape
    written = np.full((B, n + 1), -1)
    for b in range(B):
        i, law = last[b], None
        for t, j in enumerate(guesses[b]):
            if u[b, t] >= p[i, j] / q[i, j]:
                law = np.maximum(p[i] - q[i], 0)
                break
            written[b, t], i = j, j
        else:
            t, law = n, p[i]
        written[b, t] = np.argmax(np.cumsum(law / law.sum()) > w[b])
    return written
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q6-pace", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pace(p, q, n):
    """The expected number of symbols of one pass, (K,): one for each symbol that stands last."""
    ### BEGIN SOLUTION
    both, at_least, total = np.minimum(p, q), np.ones(len(p)), np.ones(len(p))
    for _ in range(n):
        at_least = both @ at_least
        total += at_least
    return total
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q6-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# The chapter's example, whatever stands last: p = (0.5, 0.3, 0.2) and q = (0.2, 0.7, 0.1). The guess 1 is kept if u < 3/7; else comes 0 or 2, 3 : 1.
rng = np.random.default_rng([SEED, 26])
p, q = np.tile([0.5, 0.3, 0.2], (3, 1)), np.tile([0.2, 0.7, 0.1], (3, 1))
u, w = np.array([[0.42], [0.44], [0.44]]), np.array([0.79, 0.74, 0.76])
got = check_guesses(p, q, np.array([0, 1, 2]), np.array([[1], [1], [1]]), u, w)
check(got, [[1, 1], [0, -1], [2, -1]])
check(pace(p, q, 1), [1.6] * 3)
# A draft that is the model itself: all is kept, and n + 1 symbols come of each pass.
p = rng.dirichlet(np.ones(3), size=3)
guesses = rng.integers(3, size=(4, 2))
got = np.asarray(
    check_guesses(
        p, p, np.zeros(4, dtype=int), guesses, rng.uniform(0, 0.99, size=(4, 2)), np.zeros(4)
    )
)
check(got[:, :2], guesses)
check(pace(p, p, 2), [3] * 3)

# %% nbgrader={"grade": true, "grade_id": "q6-law", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: the law of what is written, by sums over all guesses and grids of uniform numbers; what is kept, text by text
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 10])
K, n = 3, 2
for _ in range(2):
    # rows of thirds, so that all bounds of u are sixths, and those of w sixths as well
    p, q = (
        np.array([np.bincount(rng.integers(K, size=3), minlength=K) for _ in range(K)]) / 3
        for _ in range(2)
    )
    grid = (np.arange(6) + 0.5) / 6
    rows = np.array([
        (i, j, k, a, b, c)
        for i, j, k in itertools.product(range(K), repeat=3)
        if q[i, j] * q[j, k] > 0
        for a, b, c in itertools.product(grid, repeat=3)
    ])
    last, guesses = rows[:, 0].astype(int), rows[:, 1:3].astype(int)
    chance = q[last, guesses[:, 0]] * q[guesses[:, 0], guesses[:, 1]] / len(grid) ** 3
    got = np.asarray(check_guesses(p, q, last, guesses, rows[:, 3:5], rows[:, 5]))
    assert got.shape == (len(rows), n + 1), f"shape {got.shape}"
    assert ((got >= -1) & (got < K)).all() and (got[:, 0] >= 0).all()
    law = np.zeros((K, K, K, K))  # of the three symbols after the last
    for i, c, y in zip(last, chance, got.astype(int), strict=True):
        if y[1] < 0:
            assert y[2] < 0
            law[i, y[0]] += c * p[y[0]][:, None] * p
        elif y[2] < 0:
            law[i, y[0], y[1]] += c * p[y[1]]
        else:
            law[i, y[0], y[1], y[2]] += c
    check(law, p[:, :, None, None] * p[None, :, :, None] * p[None, None])
for K, n, B in ((4, 5, 300), (2, 1, 50), (6, 3, 200)):
    p = rng.dirichlet(np.ones(K), size=K)
    q = 0.6 * p + 0.4 * rng.dirichlet(np.ones(K), size=K)
    last, guesses = rng.integers(K, size=B), rng.integers(K, size=(B, n))
    u, w = rng.uniform(size=(B, n)), rng.uniform(size=B)
    context = np.column_stack([last, guesses])
    fine = u * q[context[:, :-1], guesses] < p[context[:, :-1], guesses]
    kept = np.cumprod(fine, axis=1).sum(1)
    got = np.asarray(check_guesses(p, q, last, guesses, u, w))
    place = np.arange(n)
    want = np.where(place < kept[:, None], guesses, -1)
    here = context[np.arange(B), kept]
    over = np.where((kept < n)[:, None], np.clip(p[here] - q[here], 0, None), p[here])
    drawn = [
        int(np.searchsorted(np.cumsum(row), x * row.sum(), side="right"))
        for row, x in zip(over, w, strict=True)
    ]
    want = np.column_stack([want, np.full(B, -1)])
    want[np.arange(B), kept] = drawn
    check(got, want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q6-worth", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: the expected number of symbols, by a sum over all guesses, for good drafts and bad ones
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 11])
for K, n, sharp in ((3, 4, 1.0), (2, 6, 0.3), (4, 1, 1.0), (5, 3, 0.2), (3, 0, 1.0)):
    p, q = rng.dirichlet(np.full(K, sharp), size=(2, K)) + 1e-9
    p, q = p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)
    want = np.zeros(K)
    for i in range(K):
        for y in strings_of(K, n):
            chance, all_kept, context = 1.0, 1.0, i
            symbols = 1.0
            for j in y:
                chance *= q[context, j]
                all_kept *= min(1, p[context, j] / q[context, j])
                symbols += all_kept
                context = j
            want[i] += chance * symbols
    check(pace(p, q, n), want)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q7-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 7. Learn from choices (3 points)
#
# People have been shown pairs of strings of $T$ symbols, both drawn from a chain $p_0$ (`chain_log_probs`), and said which they prefer. They choose by the reward $r$, as Bradley and Terry say. **But with probability $\varepsilon$, below ½, they press the wrong button**, so that the first of two is chosen with probability
#
# $$ \Pr(y \succ y') = (1 - \varepsilon)\, \sigma\bigl( r(y) - r(y') \bigr) + \varepsilon\, \sigma\bigl( r(y') - r(y) \bigr) . $$
#
# As in the chapter, a law $p$ stands for the reward $\beta \log p(y) / p_0(y)$ plus a constant, and the cost of a choice is minus the logarithm of its probability. `choice_costs` computes it, and how it moves with $\log p$ of the string that won. With $\varepsilon = 0$ it is the chapter's loss. Margins may be in the thousands.
#
# `learn` and `policy_log_probs` find the **best law**, which maximises $\mathbb{E}_p\, r - \beta\, \mathrm{KL}(p \Vert p_0)$, from choices alone. Nobody tells $r$. All that is known of it is that neighbours matter: $r(y) = \sum_{t \ge 2} \rho(y_{t-1}, y_t)$ with unknown numbers $\rho$. `learn` returns parameters of your own kind: numbers, arrays, or lists and dicts of them; `policy_log_probs` reads them.
#
# The hidden test has strings of 5 of 4 symbols, of which there are 1,024, and 20,000 choices, of which one in five is a slip. It sums over all strings: the probabilities must sum to 1, to a thousandth, and $\mathrm{KL}(p \Vert p^*)$ to the best law must be at most 0.08 nats. It is far from where you start: $\mathrm{KL}(p^* \Vert p_0) = 1.2$. Whether you train a law by the cost of the choices, step by step, or find the reward first and then the law that belongs to it, is up to you: the chapter says why both lead to the same place. All calls of `learn` together may take twenty seconds on one core.
#
# *Hint.* A string that nobody has been shown shares its pairs with strings that were shown. And the sum over all strings of a reward of neighbours is one of question 5's messages.
#
# *Trains: direct preference optimisation, with its likelihood derived anew for people who err; the best law in closed form; a model that shares what it learns between strings.*


# %% nbgrader={"grade": false, "grade_id": "q7-cost", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choice_costs(won, lost, won_before, lost_before, beta, slips):
    """The costs in nats, and their slopes in `won`, a pair of (B,).

    won and lost (B,) are log p of the strings that won and lost, the next two log p_0 of them;
    beta is the β, and slips is the ε, which may be 0.
    """
    ### BEGIN SOLUTION
    margin = beta * (won - won_before - lost + lost_before)
    right, mistaken = special.log_expit(margin), special.log_expit(-margin)
    with np.errstate(divide="ignore"):
        cost = -np.logaddexp(np.log1p(-slips) + right, np.log(slips) + mistaken)
    return cost, -beta * (1 - 2 * slips) * np.exp(right + mistaken + cost)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q7-learn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learn(start, step, won, lost, beta, slips, generator):
    """Parameters for `policy_log_probs`; start and step are those of p_0, as in `chain_log_probs`.

    won and lost are (N, T), integers: the strings that were preferred, and those that were not.
    """
    ### BEGIN SOLUTION
    from scipy import optimize

    K, T = len(start), won.shape[1]
    counts = np.zeros((2, len(won), K * K))
    for rows, y in zip(counts, (won, lost), strict=True):
        np.add.at(rows, (np.arange(len(y))[:, None], K * y[:, :-1] + y[:, 1:]), 1)
    more = counts[0] - counts[1]

    def cost(reward):
        right, mistaken = special.log_expit(more @ reward), special.log_expit(-(more @ reward))
        costs = -np.logaddexp(np.log1p(-slips) + right, np.log(slips + 1e-300) + mistaken)
        slope = -(1 - 2 * slips) * np.exp(right + mistaken + costs) @ more / len(more)
        return costs.mean() + 1e-4 * reward @ reward, slope + 2e-4 * reward

    found = optimize.minimize(cost, np.zeros(K * K), jac=True, method="BFGS").x
    first, then = np.log(start), np.log(step) + found.reshape(K, K) / beta
    ahead = np.zeros(K)
    for _ in range(T - 1):
        ahead = special.logsumexp(then + ahead, axis=1)
    return {"first": first - special.logsumexp(first + ahead), "then": then}
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q7-policy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def policy_log_probs(params, y):
    """log p of strings y (B, T), (B,), with parameters from `learn`."""
    ### BEGIN SOLUTION
    return params["first"][y[:, 0]] + params["then"][y[:, :-1], y[:, 1:]].sum(1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q7-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Rewards that differ by log 3, and nobody errs: 3/4 (chapter 21). If one in ten presses the wrong button: 0.9 · 3/4 + 0.1 · 1/4 = 0.7.
rng = np.random.default_rng([SEED, 27])
for beta, before in ((1.0, 0.0), rng.uniform(0.2, 2, size=2)):
    won, zero = np.array([before + np.log(3) / beta]), np.zeros(1)
    for slips, chance in ((0.0, 0.75), (0.1, 0.7)):
        cost, slope = choice_costs(won, zero, zero + before, zero, beta, slips)
        check(cost, [-np.log(chance)])
        check(slope, [-beta * (1 - 2 * slips) * 3 / 16 / chance])
# Two symbols, and strings of two. A pair of equal symbols is worth 1 more, and one choice in ten is a slip.
start, step, y = np.array([0.5, 0.5]), np.full((2, 2), 0.5), np.array(strings_of(2, 2))
pairs = rng.integers(4, size=(3000, 2))
reward = np.array([1.0, 0, 0, 1])
margin = reward[pairs[:, 0]] - reward[pairs[:, 1]]
first = rng.uniform(size=3000) < 0.1 + 0.8 * special.expit(margin)
won, lost = np.where(first, pairs.T, pairs.T[::-1])
params, again = (learn(start, step, y[won], y[lost], 1.0, 0.1, seeded(1)) for _ in range(2))
got = np.asarray(policy_log_probs(params, y), dtype=float)
assert got.shape == (4,), f"shape {got.shape}"
assert abs(np.exp(got).sum() - 1) < 1e-3, f"the probabilities sum to {np.exp(got).sum()}"
off = np.exp(got) @ (got - np.log(special.softmax(reward)))
assert off < 0.02, f"{off:.3f} nats from the best law"
check(policy_log_probs(again, y), got, tolerance=1e-3)  # it draws from its generator alone

# %% nbgrader={"grade": true, "grade_id": "q7-costs", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: costs and slopes with any numbers, against automatic differentiation of the probability of the choice; margins of thousands
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 12])
for beta, slips in ((0.4, 0.2), (1.7, 0.0), (0.1, 0.45), (2.0, 0.03)):
    four = [torch.tensor(3 * rng.normal(size=7), requires_grad=True) for _ in range(4)]
    better, worse, old, older = four
    gap = beta * (better - old) - beta * (worse - older)
    chance = (1 - slips) / (1 + torch.exp(-gap)) + slips / (1 + torch.exp(gap))
    cost = -torch.log(chance)
    (slope,) = torch.autograd.grad(cost.sum(), better)
    got = choice_costs(*(x.detach().numpy() for x in four), beta, slips)
    check(got[0], cost.detach().numpy())
    check(got[1], slope.numpy())
far, zero = np.array([4000.0, -4000]), np.zeros(2)
for beta, slips in ((0.5, 0.0), (0.5, 0.25)):
    cost, slope = choice_costs(zero, far, zero, zero, beta, slips)
    check(cost, [2000, 0] if slips == 0 else -np.log([slips, 1 - slips]))
    check(slope, [-beta, 0] if slips == 0 else [0, 0])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q7-best", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: the sum over all strings, and the divergence to the best law, at most 0.08 nats
### BEGIN HIDDEN TESTS
from scipy import optimize

rng = np.random.default_rng([SEED, 13])
K, T, N, beta, slips = 4, 5, 20_000, 0.6, 0.2
start, step = rng.dirichlet(np.full(K, 3.0)), rng.dirichlet(np.full(K, 3.0), size=K)
y, of_pair = np.array(strings_of(K, T)), rng.normal(size=(K, K))
# order matters, and some symbols are worth having for what can follow them
of_pair = of_pair - 0.7 * of_pair.T + 0.7 * rng.normal(size=(K, 1))
before = chain_log_probs(start, step, y)
reward = of_pair[y[:, :-1], y[:, 1:]].sum(1)


def tilted(scale):
    """log p* with this much of the reward."""
    log_p = before + scale * reward / beta
    return log_p - special.logsumexp(log_p)


def away(scale):
    """KL(p* || p_0)."""
    return np.exp(tilted(scale)) @ (tilted(scale) - before)


scale = optimize.brentq(lambda scale: away(scale) - 1.2, 0, 5)
best, reward = tilted(scale), scale * reward
i, j = rng.choice(len(y), size=(2, N), p=np.exp(before) / np.exp(before).sum())
chance = slips + (1 - 2 * slips) * special.expit(reward[i] - reward[j])
first = rng.uniform(size=N) < chance
won, lost = np.where(first, i, j), np.where(first, j, i)
params = learn(start, step, y[won], y[lost], beta, slips, seeded(int(rng.integers(2**31))))
order, got = rng.permutation(len(y)), np.empty(len(y))
for part in np.array_split(order, 3):  # the law of a string knows nothing of the rest of a batch
    found = np.asarray(policy_log_probs(params, y[part]), dtype=float)
    assert found.shape == part.shape, f"shape {found.shape}"
    got[part] = found
assert abs(np.exp(got).sum() - 1) < 1e-3, f"the probabilities sum to {np.exp(got).sum()}"
off = np.exp(got) @ (got - best)
assert off <= 0.08, f"{off:.3f} nats from the best law"
### END HIDDEN TESTS
