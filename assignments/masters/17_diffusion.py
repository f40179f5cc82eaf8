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
# grader: delete = coursepkg.models.diffusion, coursepkg.models.mixtures, coursepkg.models.flows
# grader: close = diffusers
# grader: seconds = 420

# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 17: Diffusion, scores and guidance
#
# Seven questions, 20 points: questions 1, 2, 4 and 7 on [chapter 17](https://your-organisation.github.io/generative-models/notebooks/17_diffusion.html), questions 3, 5 and 6 on [chapter 18](https://your-organisation.github.io/generative-models/notebooks/18_scores_and_guidance.html).
# Write your code in place of `raise NotImplementedError`. Below each question stands a test that you can run as often as
# you like, and an empty cell whose comment says what the hidden test looks at. Run the whole notebook from the top
# before you hand it in. The tests draw their numbers from `SEED`, and the grader has another one; five digits are enough unless the question says four.
#
# A batch of $B$ examples of $D$ numbers is an array (B, D), one example a row. What is seen at a noise level is $z = \alpha\, x + \sigma\, \varepsilon$ with $\varepsilon \sim \mathcal{N}(0, I)$; a *guess* $\hat x(z)$ stands for $\mathbb{E}[x \mid z]$. **Unless a question says so, $\alpha^2 + \sigma^2$ need not be 1.** The signal-to-noise ratio is $\alpha^2 / \sigma^2$, and the log-SNR $\lambda$ its logarithm. All logarithms are natural, and all costs are in nats.
# Return NumPy arrays or numbers, or what the docstring says. Whatever is random must come from the `generator` that your function is given. You may use NumPy, SciPy and PyTorch, and the functions of the next cell.
# `diffusers` cannot be imported where your notebook is graded.

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
# ## 1. Frames that are skipped (3 points)
#
# A film in which noise is added has $T$ frames after the first, and **each pixel has variances of its own**: $\beta_{td}$, between 0 and 1, for frame $t = 1, \dots, T$ and pixel $d$. With $z_0 = x$,
#
# $$ z_{td} = \sqrt{1 - \beta_{td}}\; z_{t-1,d} + \sqrt{\beta_{td}}\; \varepsilon_{td} . $$
#
# ```
#           forwards: jump, q(z_t | z_s)
#                  ┌──────────────────────┐
#                  │                      ▼
# x = z_0 ─ ... ─ z_s ── z_s+1 ─ ... ─── z_t ─ ... ─ z_T
#  │               ▲                      │
#  └───────────────┴──────────────────────┘
#           backwards: between, q(z_s | z_t, x)
# ```
#
# `jump` says how to draw frame $t$ from any earlier frame $s$ at once: $z_t = a \odot z_s + b \odot \varepsilon$. `between` gives the law of an earlier frame $s$ when frame $t$ and $x$ are known, not only of the frame just before, $s = t - 1$. At $s = 0$ it is $x$ itself, with variance 0.
#
# Mind the numbering: Python counts from 0, and `beta[0]` belongs to the step from $z_0$ to $z_1$.
#
# *Hint.* Given $z_s$, $x$ says nothing more about $z_t$. So between $x$ and $z_t$ there is what $x$ says of $z_s$, with one variance, and what $z_t$ says of $z_s$, with another. Precisions add.
#
# *Trains: the kernel as a product; Bayes' rule for normal laws; t, t − 1 and 0.*


# %% nbgrader={"grade": false, "grade_id": "q1-jump", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jump(beta, s, t):
    """The pair of a and b, two arrays (D,); beta is (T, D), and 0 <= s < t <= T are integers."""
    ### BEGIN SOLUTION
    kept = np.prod(1 - beta[s:t], axis=0)
    return np.sqrt(kept), np.sqrt(1 - kept)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q1-between", "locked": false, "schema_version": 3, "solution": true, "task": false}
def between(beta, s, t, x, z):
    """Mean (B, D) and variance (D,) of q(z_s | z_t, x), a pair; x and z = z_t are (B, D)."""
    ### BEGIN SOLUTION
    before, kept = np.prod(1 - beta[:s], axis=0), np.prod(1 - beta[s:t], axis=0)
    left = 1 - before * kept
    mean = np.sqrt(before) * (1 - kept) / left * x + np.sqrt(kept) * (1 - before) / left * z
    return mean, (1 - before) * (1 - kept) / left
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two frames and two pixels. Pixel 0 has the variances 0.19 and 0.36 of the chapter's example, the other has numbers of its own.
rng = np.random.default_rng([SEED, 21])
beta = np.array([[0.19, rng.uniform(0.1, 0.4)], [0.36, rng.uniform(0.1, 0.4)]])
one, two = beta
check(jump(beta, 0, 1), [np.sqrt(1 - one), np.sqrt(one)])
check(jump(beta, 1, 2), [np.sqrt(1 - two), np.sqrt(two)])
a, b = jump(beta, 0, 2)
check([a[0], b[0]], [0.72, np.sqrt(0.4816)])
check(a[1], np.sqrt((1 - one[1]) * (1 - two[1])))
x, z = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
mean, variance = between(beta, 1, 2, x, z)
left = one + two - one * two  # 1 - (1 - one) (1 - two)
check(mean, np.sqrt(1 - one) * two / left * x + np.sqrt(1 - two) * one / left * z)
check(variance, one * two / left)

# %% nbgrader={"grade": true, "grade_id": "q1-kernel", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any two frames of long and short films, against the film made frame by frame
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 1])
for T, D, most in ((6, 3, 0.6), (9, 2, 0.9), (400, 4, 0.01)):
    beta = rng.uniform(most / 50, most, size=(T, D))
    for s, t in ((0, T), (0, 1), (T - 1, T), (T // 3, T - 2), (1, 3), (2, 3)):
        a, b = np.ones(D), np.zeros(D)
        for step in range(s, t):
            shrink = np.sqrt(1 - beta[step])
            a, b = shrink * a, np.sqrt(shrink**2 * b**2 + beta[step])
        check(jump(beta, s, t), [a, b])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q1-bridge", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any two frames, the first among them, against the joint law of all frames
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 2])
for T, D, B in ((7, 3, 4), (12, 2, 1)):
    beta, x, z = (
        rng.uniform(0.01, 0.7, size=(T, D)),
        rng.normal(size=(B, D)),
        rng.normal(size=(B, D)),
    )
    for s, t in ((0, 1), (0, T), (1, 2), (T - 1, T), (2, T - 1), (T // 2, T), (1, T - 2)):
        mean, variance = between(beta, s, t, x, z)
        for d in range(D):
            # row t: how much of each step's noise is in z_t; `of_x`: how much of x
            rows, of_x = np.zeros((T + 1, T)), np.ones(T + 1)
            for k in range(T):
                rows[k + 1] = np.sqrt(1 - beta[k, d]) * rows[k]
                rows[k + 1, k] = np.sqrt(beta[k, d])
                of_x[k + 1] = np.sqrt(1 - beta[k, d]) * of_x[k]
            cov = rows @ rows.T
            gain = cov[s, t] / cov[t, t]
            check(np.asarray(mean)[:, d], of_x[s] * x[:, d] + gain * (z[:, d] - of_x[t] * x[:, d]))
            check(np.asarray(variance)[d], cov[s, s] - gain * cov[s, t])
        check(np.shape(mean), [B, D])
        check(np.shape(variance), [D])
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. From a bug: what a film costs (3 points)
#
# Now all pixels of frame $t$ have the same variance $\beta_t$; $\bar\alpha_t = \prod_{\tau \le t} (1 - \beta_\tau)$. Here the guess is so simple that each term of the bound has a closed form, with no draw and no integral left:
#
# $$ \hat x_t(z) = g_t\, z + h_t , \qquad t = 1, \dots, T , $$
#
# with numbers $g_t$ and vectors $h_t$. The decoder begins with $p(z_T) = \mathcal{N}(0, I)$, and steps back by
#
# $$ p(z_{t-1} \mid z_t) = \mathcal{N}\bigl( z_{t-1};\, m_t(\hat x_t(z_t), z_t),\, v_t I \bigr) , \qquad p(x \mid z_1) = \mathcal{N}\bigl( x;\, \hat x_1(z_1),\, v_1 I \bigr) , $$
#
# where $m_t(x, z_t)$ is the mean of $q(z_{t-1} \mid z_t, x)$. **The variances $v_t$ are whatever somebody has chosen:** that of $q(z_{t-1} \mid z_t, x)$, or $\beta_t$, or other numbers. The bound is $\log p(x) \ge -(\text{read} + \text{end} + \text{steps})$ with
#
# $$
# \begin{aligned}
# \text{read} &= -\mathbb{E}_q \log p(x \mid z_1) , \\
# \text{end} &= \mathrm{KL}\bigl( q(z_T \mid x) \,\Vert\, p(z_T) \bigr) , \\
# \text{steps} &= \sum_{t=2}^{T} \mathbb{E}_q\, \mathrm{KL}\bigl( q(z_{t-1} \mid z_t, x) \,\Vert\, p(z_{t-1} \mid z_t) \bigr) .
# \end{aligned}
# $$
#
# Somebody computes them by the function `first_try` below, and says: "I have tested it. If the guess is right, $g_t = 0$ and $h_t = x$, and $v_t$ is the variance of $q(z_{t-1} \mid z_t, x)$, then the steps cost nothing, as it should be." It is wrong in more than one way, and what it gives is no bound. Derive the three terms for one example $x$, and write them as they should be. With $T = 1$ there are no steps, and they cost 0.
#
# *Hint.* Under $q$, $z_t$ is $\sqrt{\bar\alpha_t}\, x + \sqrt{1 - \bar\alpha_t}\, \varepsilon$. So what is $\mathbb{E}_q \lVert x - \hat x_t(z_t) \rVert^2$?
#
# *Trains: the bound term by term, with the one that has no parameter; a divergence of two normal laws whose variances differ; an expectation over $z_t$, and not a value at its mean.*


# %% nbgrader={"grade": false, "grade_id": "q2-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
def first_try(x, beta, gain, shift, variance):
    """Meant to be the three costs; shapes as in `film_costs`."""
    alpha_bar, steps = np.cumprod(1 - beta), np.zeros(len(x))
    for t in range(1, len(gain)):
        of_x = np.sqrt(alpha_bar[t - 1]) * beta[t] / (1 - alpha_bar[t])
        guess = gain[t] * np.sqrt(alpha_bar[t]) * x + shift[t]
        steps += of_x**2 * ((x - guess) ** 2).mean(1) / (2 * variance[t])
    guess = gain[0] * np.sqrt(alpha_bar[0]) * x + shift[0]
    read = ((x - guess) ** 2).mean(1) / (2 * variance[0]) + np.log(2 * np.pi * variance[0]) / 2
    return read, np.zeros(len(x)), steps  # the end has no parameter


# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def film_costs(x, beta, gain, shift, variance):
    """The triple of read, end and steps of each example, three arrays (B,), in nats.

    x is (B, D); beta, gain and variance are (T,) and shift is (T, D): β_t, g_t, v_t and h_t, where
    number 0 belongs to t = 1.
    """
    ### BEGIN SOLUTION
    D, alpha_bar = x.shape[1], np.cumprod(1 - beta)

    def missed(t):
        """E ‖x - x̂‖²."""
        off = x - gain[t] * np.sqrt(alpha_bar[t]) * x - shift[t]
        return (off**2).sum(1) + D * gain[t] ** 2 * (1 - alpha_bar[t])

    read = missed(0) / (2 * variance[0]) + D / 2 * np.log(2 * np.pi * variance[0])
    a = alpha_bar[-1]
    end = (a * (x**2).sum(1) - D * (a + np.log1p(-a))) / 2
    steps = np.zeros(len(x))
    for t in range(1, len(beta)):
        scale = np.sqrt(alpha_bar[t - 1]) * beta[t] / (1 - alpha_bar[t])
        share = beta[t] * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t]) / variance[t]
        steps += (scale**2 * missed(t) / variance[t] + D * (share - 1 - np.log(share))) / 2
    return read, end, steps
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One frame and two pixels; the guess is a constant. Nothing but logarithms and squares.
rng = np.random.default_rng([SEED, 22])
for v, b in ((0.25, 0.9), rng.uniform(0.2, 0.8, size=2)):
    x, h = rng.normal(size=(3, 2)), rng.normal(size=(1, 2))
    read, end, steps = film_costs(x, np.array([b]), np.zeros(1), h, np.array([v]))
    away, square = ((x - h) ** 2).sum(1), (x**2).sum(1)
    check(read, np.log(2 * np.pi * v) + away / (2 * v))
    check(end, (1 - b) * square / 2 - (1 - b) - np.log(b))
    check(steps, np.zeros(3))
# Two frames and one pixel, by hand: a guess that misses by `miss`, and the variance of q.
for miss in (0.5, rng.uniform(1, 2)):
    beta, variance = np.array([0.19, 0.36]), np.array([1.0, 0.36 * 0.19 / 0.4816])
    shift = np.array([[0.0], [1 - miss]])
    steps = film_costs(np.ones((1, 1)), beta, np.zeros(2), shift, variance)[2]
    check(steps, [(0.81 / 0.19 - 0.5184 / 0.4816) / 2 * miss**2])

# %% nbgrader={"grade": true, "grade_id": "q2-terms", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: each term by itself, with any guesses and variances, against expectations over $z_t$ made point by point
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 3])
u, weight = np.polynomial.hermite_e.hermegauss(12)
weight = weight / weight.sum()
for B, D, T in ((3, 4, 5), (2, 1, 2), (4, 3, 1)):
    x, shift = rng.normal(size=(B, D)), 0.5 * rng.normal(size=(T, D))
    beta, variance = rng.uniform(0.05, 0.6, size=T), rng.uniform(0.05, 1.5, size=T)
    gain, want = rng.uniform(-0.2, 1.2, size=T), np.zeros((3, B))
    for b, d in np.ndindex(B, D):
        a = s2 = 0.0  # factor and variance of the frame before
        for t in range(T):
            a_now = np.prod(np.sqrt(1 - beta[: t + 1]))
            z = a_now * x[b, d] + np.sqrt(1 - a_now**2) * u
            guess = gain[t] * z + shift[t, d]
            if t == 0:
                normal = torch.distributions.Normal(torch.as_tensor(guess), variance[0] ** 0.5)
                want[0, b] -= weight @ normal.log_prob(torch.tensor(x[b, d])).numpy()
            else:
                precision = (1 - beta[t]) / beta[t] + 1 / s2
                q, p = (
                    (np.sqrt(1 - beta[t]) * z / beta[t] + a * at / s2) / precision
                    for at in (x[b, d], guess)
                )
                kl = torch.distributions.kl_divergence(
                    torch.distributions.Normal(torch.as_tensor(q), precision**-0.5),
                    torch.distributions.Normal(torch.as_tensor(p), variance[t] ** 0.5),
                )
                want[2, b] += weight @ kl.numpy()
            a, s2 = a_now, 1 - a_now**2
        last = torch.distributions.Normal(a * x[b, d], s2**0.5)
        standard = torch.distributions.Normal(0.0, 1.0)
        want[1, b] += float(torch.distributions.kl_divergence(last, standard))
    for got, row in zip(film_costs(x, beta, gain, shift, variance), want, strict=True):
        check(got, row)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q2-bound", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: the sum of the three, against log p(x) and what the encoder's law lacks; long films
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 4])
for D, T, most in ((2, 4, 0.7), (1, 30, 0.3)):
    x, shift = rng.normal(size=(2, D)), 0.3 * rng.normal(size=(T, D))
    beta, gain = rng.uniform(0.02, most, size=T), rng.uniform(0, 1, size=T)
    variance = rng.uniform(0.5, 2, size=T) * beta
    alpha_bar, want = np.cumprod(1 - beta), np.zeros(2)
    for d in range(D):
        # the decoder's law of (x, z_1, ..., z_T), from the last frame backwards
        mean, rows = np.zeros(T + 1), np.zeros((T + 1, T + 1))
        rows[T, T] = 1
        for t in range(T, 0, -1):
            of_x, of_z = 1.0, 0.0
            if t > 1:
                of_x = np.sqrt(alpha_bar[t - 2]) * beta[t - 1] / (1 - alpha_bar[t - 1])
                of_z = np.sqrt(1 - beta[t - 1]) * (1 - alpha_bar[t - 2]) / (1 - alpha_bar[t - 1])
            keeps = of_x * gain[t - 1] + of_z
            mean[t - 1] = keeps * mean[t] + of_x * shift[t - 1, d]
            rows[t - 1] = keeps * rows[t]
            rows[t - 1, t - 1] = np.sqrt(variance[t - 1])
        inverse = np.linalg.inv(rows @ rows.T)
        # the encoder's law of (z_1, ..., z_T)
        noise = np.zeros((T + 1, T))
        for t in range(1, T + 1):
            noise[t] = np.sqrt(1 - beta[t - 1]) * noise[t - 1]
            noise[t, t - 1] = np.sqrt(beta[t - 1])
        spread = noise @ noise.T
        for b in range(2):
            off = np.append(1, np.sqrt(alpha_bar)) * x[b, d] - mean
            joint = off @ inverse @ off + np.trace(inverse @ spread)
            joint += np.linalg.slogdet(rows @ rows.T)[1] + (T + 1) * np.log(2 * np.pi)
            entropy = T * (1 + np.log(2 * np.pi)) + np.linalg.slogdet(spread[1:, 1:])[1]
            want[b] += (joint - entropy) / 2
    read, end, steps = (
        np.asarray(one, dtype=float) for one in film_costs(x, beta, gain, shift, variance)
    )
    check(read + end + steps, want)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. One guess, four names (2 points)
#
# A path from $x$ to noise is any pair of functions of time, $z = \alpha x + \sigma \varepsilon$; the slopes in time of $\alpha$ and $\sigma$ are $\alpha'$ and $\sigma'$. The table shows four, and there are others.
#
# | path | $\alpha$ | $\sigma$ | $\alpha'$ | $\sigma'$ |
# |---|---|---|---|---|
# | a quarter of a circle | $\cos t$ | $\sin t$ | $-\sin t$ | $\cos t$ |
# | a straight line from noise to data, as in chapter 12 | $t$ | $1 - t$ | $1$ | $-1$ |
# | noise that grows without end | $1$ | $t$ | $0$ | $1$ |
# | a film of small steps | $e^{-t}$ | $\sqrt{1 - e^{-2t}}$ | $-e^{-t}$ | $e^{-2t} / \sigma$ |
#
# One network says $x$, another says $\varepsilon$, the next says the score of $q(z \mid x)$, $\nabla_z \log q(z \mid x)$, and the last says the velocity $u = \alpha' x + \sigma' \varepsilon$. Once $z$ is known, all say the same. `translate` gives all four from one of them.
#
# $\sigma$ is never 0. $\alpha$ may be 0 where the network says $x$ or the velocity, and then division by it must not happen. Each example has a time of its own.
#
# *Hint.* $z$ and $u$ are two linear equations for $x$ and $\varepsilon$.
#
# *Trains: prediction of x, ε, score and velocity as one thing; v-prediction and flow matching as two cases of a formula.*


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def translate(kind, value, z, alpha, sigma, d_alpha, d_sigma):
    """The four arrays x, ε, score and velocity, (4, B, D), at the z (B, D) of given times.

    kind says what value (B, D) is: "x", "noise", "score" or "velocity"; α, σ, α' and σ' are (B,).
    """
    ### BEGIN SOLUTION
    a, s, da, ds = (one[:, None] for one in (alpha, sigma, d_alpha, d_sigma))
    if kind == "x":
        x, eps = value, (z - a * value) / s
    elif kind == "velocity":
        det = da * s - ds * a
        x, eps = (s * value - ds * z) / det, (da * z - a * value) / det
    else:
        eps = value if kind == "noise" else -s * value
        x = (z - s * eps) / a
    return np.stack([x, eps, -eps / s, da * x + ds * eps])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q3-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# One number: x = 1 and ε = 0.5, so z = α + σ / 2. At α = 0.6, σ = 0.8, and at numbers of your own.
rng = np.random.default_rng([SEED, 23])
for a, s in ((0.6, 0.8), rng.uniform(0.3, 2, size=2)):
    alpha, sigma = np.array([a]), np.array([s])
    z = np.array([[a + s / 2]])
    want = [[[1.0]], [[0.5]], [[-0.5 / s]], [[-s + a / 2]]]
    for kind, row in zip(("x", "noise", "score", "velocity"), want, strict=True):
        check(translate(kind, np.array(row), z, alpha, sigma, -sigma, alpha), want)

# %% nbgrader={"grade": true, "grade_id": "q3-paths", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: the four paths and others, there and back; α = 0; the score against the slope of the normal density
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 5])
B, D = 4, 3
t = rng.uniform(0.1, 1.4, size=B)
growing, part = np.sqrt(-np.expm1(-2 * t)), t / 1.5
paths = [
    (np.cos(t), np.sin(t), -np.sin(t), np.cos(t)),
    (part, 1 - part, np.ones(B), -np.ones(B)),
    (np.ones(B), 40 * t, np.zeros(B), np.ones(B)),
    (np.exp(-t), growing, -np.exp(-t), np.exp(-2 * t) / growing),
    (rng.uniform(0.5, 2, B), rng.uniform(0.5, 2, B), -rng.uniform(1, 2, B), rng.uniform(1, 2, B)),
    (np.zeros(B), np.ones(B), -np.ones(B), rng.normal(size=B)),
]
for path in paths:
    x, eps = rng.normal(size=(B, D)), rng.normal(size=(B, D))
    a, s, da, ds = (torch.as_tensor(one)[:, None] for one in path)
    at = (a * torch.as_tensor(x) + s * torch.as_tensor(eps)).requires_grad_()
    density = torch.distributions.Normal(a * torch.as_tensor(x), s).log_prob(at).sum()
    (score,) = torch.autograd.grad(density, at)
    velocity = (da * torch.as_tensor(x) + ds * torch.as_tensor(eps)).numpy()
    want = [x, eps, score.numpy(), velocity]
    for kind, row in zip(("x", "noise", "score", "velocity"), want, strict=True):
        if path[0].any() or kind in ("x", "velocity"):
            four = translate(kind, row, at.detach().numpy(), *path)
            for got, one in zip(four, want, strict=True):
                check(got, one)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. A pixel and a table (3 points)
#
# A pixel has $K$ levels with the values $e_1, \dots, e_K$. If a network says the logits $\ell_{dk}$ of pixel $d$, which tell what the *other* pixels know of it, then with what $z_d$ itself knows
#
# $$ p(x_d = e_k \mid z) \propto \exp(\ell_{dk})\; \mathcal{N}(z_d;\, \alpha e_k,\, \sigma^2) . $$
#
# `pixel_guess` computes $\hat x_d = \mathbb{E}[x_d \mid z]$, and how it moves with its own $z_d$ while the logits stay: $\partial \hat x_d / \partial z_d$. There may be so little noise that all densities are too small for a floating-point number.
#
# Now one pixel alone, whose levels have the probabilities $p_k$: the table is a perfect denoiser, with $\ell_k = \log p_k$. A film of $T$ frames shows it at log-SNRs $\lambda_1 > \dots > \lambda_T$, with $\alpha_t^2 + \sigma_t^2 = 1$ here. `pixel_costs` computes, for **each level** $x = e_k$, what the bound of chapter 17 charges,
#
# $$
# \begin{aligned}
# -F(e_k) ={} & -\mathbb{E}_q \log p(x = e_k \mid z_1) + \mathrm{KL}\bigl( q(z_T \mid x) \,\Vert\, \mathcal{N}(0, 1) \bigr) \\
# & + \sum_{t=2}^{T} \frac{s_{t-1} - s_t}{2}\; \mathbb{E}_q \bigl( e_k - \hat x(z_t) \bigr)^2 , \qquad s_t = e^{\lambda_t} ,
# \end{aligned}
# $$
#
# where $z_t = \alpha_t e_k + \sigma_t \varepsilon$. Each expectation is one integral over $\varepsilon$, which needs no random numbers: sum over a fine grid. Four digits are enough here; the values lie between −1 and 1, and the log-SNRs between −25 and 15.
#
# With one frame of pure noise the cost is $-\log p_k$, and with very many frames, from clear to noisy, it must come near to that again: an untrained model is the model of independent pixels.
#
# *Trains: the exact likelihood inside of the logits; softmax without overflow; the slope of a guess is a variance; the bound of a model that can be no better.*


# %% nbgrader={"grade": false, "grade_id": "q4-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_guess(logits, z, values, alpha, sigma):
    """The pair of the guesses and their slopes, two arrays (B, D).

    logits is (B, D, K), z is (B, D), values is (K,), alpha and sigma are (B,).
    """
    ### BEGIN SOLUTION
    a, s = alpha[:, None, None], sigma[:, None, None]
    p = special.softmax(logits - ((z[:, :, None] - a * values) / s) ** 2 / 2, axis=2)
    guess = p @ values
    variance = (p * (values - guess[:, :, None]) ** 2).sum(2)
    return guess, (alpha / sigma**2)[:, None] * variance
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q4-costs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_costs(p, values, log_snr):
    """-F of each level, (K,), in nats; p and values are (K,), log_snr is (T,), falling."""
    ### BEGIN SOLUTION
    u = np.linspace(-10, 10, 2001)
    weight = np.exp(-(u**2) / 2) / np.exp(-(u**2) / 2).sum()
    last = special.expit(log_snr[-1])
    cost = (last * values**2 - last - special.log_expit(-log_snr[-1])) / 2
    for t, level in enumerate(log_snr):
        alpha, sigma = np.sqrt(special.expit([level, -level]))
        z = alpha * values[:, None] + sigma * u  # a row for each level
        log_p = np.log(p) - ((z[:, :, None] - alpha * values) / sigma) ** 2 / 2
        log_p = special.log_softmax(log_p, axis=2)
        if t == 0:
            cost -= np.einsum("kuk,u->k", log_p, weight)
        else:
            fall = np.exp(log_snr[t - 1]) - np.exp(level)
            off = values[:, None] - np.exp(log_p) @ values
            cost += fall / 2 * (off**2 @ weight)
    return cost
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q4-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two levels, -1 and 1: by hand the guess is tanh(α z / σ² + half the difference of the logits).
rng = np.random.default_rng([SEED, 24])
values = np.array([-1.0, 1.0])
for a, s, d in ((0.6, 0.8, 0.0), rng.uniform(0.5, 1, size=3)):
    z = rng.normal(size=(1, 3))
    guess, slope = pixel_guess(
        np.tile([3, 3 + d], (1, 3, 1)), z, values, np.array([a]), np.array([s])
    )
    want = np.tanh(a * z / s**2 + d / 2)
    check(guess, want)
    check(slope, a / s**2 * (1 - want**2))
# One frame of pure noise: the table is asked for what it knew before.
p = rng.dirichlet(np.ones(3))
check(pixel_costs(p, np.array([-1.0, 0, 1]), np.array([-20.0])), -np.log(p), tolerance=1e-4)

# %% nbgrader={"grade": true, "grade_id": "q4-posterior", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any levels, logits and amounts of noise, very little among them, against automatic differentiation
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 6])
for B, D, K, least in ((3, 4, 5, 0.3), (2, 3, 17, 0.02), (4, 2, 3, 1e-4)):
    values = np.sort(rng.uniform(-1, 1, size=K))
    logits = 3 * rng.normal(size=(B, D, K)) + 900 * rng.normal(size=(B, D, 1))
    alpha, sigma = rng.uniform(0.3, 1.5, size=B), least * rng.uniform(1, 3, size=B)
    at = alpha[:, None] * rng.choice(values, size=(B, D)) + sigma[:, None] * rng.normal(size=(B, D))
    at = torch.as_tensor(at).requires_grad_()
    e, a, s = torch.as_tensor(values), torch.as_tensor(alpha), torch.as_tensor(sigma)
    normal = torch.distributions.Normal(a[:, None, None] * e, s[:, None, None])
    law = torch.distributions.Categorical(
        logits=torch.as_tensor(logits) + normal.log_prob(at[:, :, None])
    )
    mean = law.probs @ e
    (moves,) = torch.autograd.grad(mean.sum(), at)
    guess, slope = pixel_guess(logits, at.detach().numpy(), values, alpha, sigma)
    check(guess, mean.detach().numpy())
    check(slope, moves.numpy(), tolerance=1e-4)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q4-bound", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: costs of films of any length, against integrals made otherwise; a long film, against the entropy
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 7])
x, weight = np.polynomial.legendre.leggauss(400)
u, weight = 9 * x, 9 * weight * np.exp(-((9 * x) ** 2) / 2) / np.sqrt(2 * np.pi)


def seen(p, values, level, k):
    """p(x | z) for each point of the line, where x is level k: (400, K)."""
    a, s = (1 + np.exp(-level)) ** -0.5, (1 + np.exp(level)) ** -0.5
    z = a * values[k] + s * u
    log_p = [np.log(q) - ((z - a * e) / s) ** 2 / 2 for q, e in zip(p, values, strict=True)]
    return np.exp(log_p - special.logsumexp(log_p, axis=0)).T


for K, T in ((2, 3), (5, 8), (3, 1), (4, 2)):
    p, values = rng.dirichlet(np.full(K, 3.0)), np.sort(rng.uniform(-1, 1, size=K))
    log_snr = np.sort(rng.uniform(-4, 4, size=T))[::-1]
    snr, want = np.exp(log_snr), np.zeros(K)
    for k in range(K):
        want[k] -= weight @ np.log(seen(p, values, log_snr[0], k)[:, k])
        kept = snr[-1] / (1 + snr[-1])
        want[k] += (kept * values[k] ** 2 - kept - np.log(1 - kept)) / 2
        for t in range(1, T):
            off = (values[k] - seen(p, values, log_snr[t], k) @ values) ** 2
            want[k] += (snr[t - 1] - snr[t]) / 2 * (weight @ off)
    check(pixel_costs(p, values, log_snr), want, tolerance=1e-4)
p, values = rng.dirichlet(np.full(4, 3.0)), np.linspace(-1, 1, 4)
got = np.asarray(pixel_costs(p, values, np.linspace(12, -12, 400)), dtype=float)
entropy = special.entr(p).sum()
assert got.shape == (4,)
assert entropy <= p @ got <= entropy + 0.05, f"{p @ got}, entropy {entropy}"
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. Steps along a known guess (3 points)
#
# The network below says $\hat x(z)$ at any $\alpha$ and $\sigma$, by `guess_of(params, z, alpha, sigma)`. A walk visits the noise levels $(\alpha_0, \sigma_0), \dots, (\alpha_N, \sigma_N)$, from noisy to clear. No $\alpha$ and no $\sigma$ is 0.
#
# **`walk`** takes steps that are part deterministic, part random. Where it stands it asks for $\hat x$, takes the $\hat\varepsilon$ that belongs to it, and goes from level $i$ to level $i + 1$ with noise $\xi_i$ that it is given:
#
# $$ z_{i+1} = \alpha_{i+1}\, \hat x + \sigma_{i+1} \Bigl( \sqrt{1 - \rho_i^2}\; \hat\varepsilon + \rho_i\, \xi_i \Bigr) . $$
#
# With all $\rho_i = 0$ this is DDIM; with $\rho_i = 1$ all noise is fresh.
#
# **`ancestral_share`** gives the $\rho$ between them with which a step draws from the posterior of the film. In the film $z_i = c\, z_{i+1} + \text{new noise}$, with $c = \alpha_i / \alpha_{i+1}$, and as much new noise as makes the variance of the whole noise $\sigma_i^2$. Which $\rho$ gives $z_{i+1}$ the *variance* of $q(z_{i+1} \mid z_i, x)$, with $\hat x$ in place of $x$? (Then it has the mean, too.)
#
# **`heun`** is of second order. Let $y = z / \alpha$ and $r = \sigma / \alpha$. Along the probability-flow equation $dy / dr = (y - \hat x) / r = \hat\varepsilon$. One step: take the slope where you stand; go to the next level with it; take the slope there; go, from where you stood, with the mean of both slopes.
#
# ```
#    y  │        ·  first try, by the slope at i
#       │      ╱ ·· arrival: the mean of both slopes
#       │    ╱··
#       │  ● start
#       └──┬─────┬──── r = σ / α   (it falls)
#         r_i   r_i+1
# ```
#
# *Trains: DDIM as Euler's method in the ratio of noise to signal; ancestral sampling as one member of a family; a method of second order.*


# %% nbgrader={"grade": false, "grade_id": "q5-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
def guess_of(params, z, alpha, sigma):
    """x̂ (B, D) of z (B, D) at the numbers alpha and sigma: `net` of α z / σ².

    If "W" and "V" are the identity, "c" and "e" 0, it is E[x | z] of coins: each of the D numbers
    is -1 or 1.
    """
    return net(params, alpha * z / sigma**2)


# %% nbgrader={"grade": false, "grade_id": "q5-share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ancestral_share(alpha, sigma, alpha_next, sigma_next):
    """ρ of the step from (alpha, sigma) to the clearer level next to it; all are numbers."""
    ### BEGIN SOLUTION
    return np.sqrt(1 - (alpha * sigma_next / (alpha_next * sigma)) ** 2)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q5-walk", "locked": false, "schema_version": 3, "solution": true, "task": false}
def walk(params, z, alphas, sigmas, shares, noise):
    """z at the last level, (B, D); z (B, D) is at the first.

    alphas and sigmas are (N + 1,); shares, the ρ_i, is (N,); noise, the ξ_i, is (N, B, D).
    """
    ### BEGIN SOLUTION
    for i, (rho, xi) in enumerate(zip(shares, noise, strict=True)):
        x = guess_of(params, z, alphas[i], sigmas[i])
        eps = (z - alphas[i] * x) / sigmas[i]
        eps = np.sqrt(1 - rho**2) * eps + rho * xi
        z = alphas[i + 1] * x + sigmas[i + 1] * eps
    return z
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q5-heun", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heun(params, z, alphas, sigmas):
    """z at the last level, (B, D); z (B, D) is at the first; alphas and sigmas are (N + 1,)."""
    ### BEGIN SOLUTION
    r, y = sigmas / alphas, z / alphas[0]

    def slope(i, y):
        return (y - guess_of(params, alphas[i] * y, alphas[i], sigmas[i])) / r[i]

    for i in range(len(r) - 1):
        step, here = r[i + 1] - r[i], slope(i, y)
        y = y + step * (here + slope(i + 1, y + step * here)) / 2
    return alphas[-1] * y
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q5-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A guess that is always m: then y - m is in proportion to r, and a step without fresh noise is exact, of whatever size.
rng = np.random.default_rng([SEED, 25])
for m, alphas, sigmas in (
    (1.0, np.array([0.6, 0.8]), np.array([0.8, 0.6])),
    (rng.normal(), *rng.uniform(0.3, 2, size=(2, 2))),
):
    params = {"W": np.ones((1, 1)), "c": np.zeros(1), "V": np.zeros((1, 1)), "e": np.array([m])}
    z, xi = rng.normal(size=(4, 1)), rng.normal(size=(1, 4, 1))
    eps = (z - alphas[0] * m) / sigmas[0]
    check(heun(params, z, alphas, sigmas), alphas[1] * m + sigmas[1] * eps)
    check(walk(params, z, alphas, sigmas, np.zeros(1), xi), alphas[1] * m + sigmas[1] * eps)
    check(walk(params, z, alphas, sigmas, np.ones(1), xi), alphas[1] * m + sigmas[1] * xi[0])
# By hand: α² = 0.36, then 0.64. Of z_i the new noise has the variance 0.64 - 0.36 / 0.64 · 0.36 = 0.4375; q has 0.36 · 0.4375 / 0.64.
check(ancestral_share(0.6, 0.8, 0.8, 0.6), np.sqrt(0.4375 / 0.64))

# %% nbgrader={"grade": true, "grade_id": "q5-random", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: long walks with any guess, level and share; the share against Bayes' rule
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 8])
for B, D, N, H in ((3, 2, 6, 4), (2, 3, 11, 5)):
    params = {
        "W": rng.normal(size=(H, D)),
        "c": rng.normal(size=H),
        "V": rng.normal(size=(D, H)),
        "e": rng.normal(size=D),
    }
    alphas, sigmas = (
        np.sort(rng.uniform(0.3, 1.4, N + 1)),
        np.sort(rng.uniform(0.3, 2, N + 1))[::-1],
    )
    shares, noise = rng.uniform(0, 1, size=N), rng.normal(size=(N, B, D))
    start = rng.normal(size=(B, D))
    want = start
    for i in range(N):
        x = guess_of(params, want, alphas[i], sigmas[i])
        determined = (want - alphas[i] * x) * sigmas[i + 1] / sigmas[i]
        fresh = sigmas[i + 1] * shares[i] * noise[i]
        want = alphas[i + 1] * x + np.cos(np.arcsin(shares[i])) * determined + fresh
    check(walk(params, start, alphas, sigmas, shares, noise), want)
    for i in range(N):
        c = alphas[i] / alphas[i + 1]
        new = sigmas[i] ** 2 - c**2 * sigmas[i + 1] ** 2
        variance = 1 / (1 / sigmas[i + 1] ** 2 + c**2 / new)
        got = ancestral_share(
            *(float(one) for one in (alphas[i], sigmas[i], alphas[i + 1], sigmas[i + 1]))
        )
        check(got, np.sqrt(variance) / sigmas[i + 1])
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q5-flow", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: one step and many, with any guess; coins, against the map that keeps the quantiles
### BEGIN HIDDEN TESTS
from scipy import stats

rng = np.random.default_rng([SEED, 9])
for B, D, N, H in ((3, 2, 1, 4), (2, 3, 9, 5)):
    params = {
        "W": rng.normal(size=(H, D)),
        "c": rng.normal(size=H),
        "V": rng.normal(size=(D, H)),
        "e": rng.normal(size=D),
    }
    alphas, sigmas = (
        np.sort(rng.uniform(0.3, 1.4, N + 1)),
        np.sort(rng.uniform(0.3, 2, N + 1))[::-1],
    )
    start = rng.normal(size=(B, D))
    want = start
    for i in range(N):
        x = guess_of(params, want, alphas[i], sigmas[i])
        eps = (want - alphas[i] * x) / sigmas[i]
        tried = alphas[i + 1] * x + sigmas[i + 1] * eps
        there = guess_of(params, tried, alphas[i + 1], sigmas[i + 1])
        eps_there = (tried - alphas[i + 1] * there) / sigmas[i + 1]
        goes = sigmas[i + 1] / alphas[i + 1] - sigmas[i] / alphas[i]
        want = alphas[i + 1] * (want / alphas[i] + goes * (eps + eps_there) / 2)
    check(heun(params, start, alphas, sigmas), want)
coins = {"W": np.eye(1), "c": np.zeros(1), "V": np.eye(1), "e": np.zeros(1)}
level = np.linspace(-7, 3, 61)
alphas, sigmas = np.sqrt(special.expit(level)), np.sqrt(special.expit(-level))


def share_below(z, a, s):
    return (stats.norm.cdf((z - a) / s) + stats.norm.cdf((z + a) / s)) / 2


start = rng.uniform(0.2, 2, size=(6, 1)) * np.sign(rng.normal(size=(6, 1)))
grid = np.linspace(-4, 4, 400_001)  # where the coins of the last level can be
below = share_below(grid, alphas[-1], sigmas[-1])
want = np.interp(share_below(start, alphas[0], sigmas[0]), below, grid)
check(heun(coins, start, alphas, sigmas), want, tolerance=3e-3)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q6-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. What guidance draws (3 points)
#
# The data are a mixture of $C$ normal laws in $D$ dimensions, and some of its parts make up a class $c$. So the ideal guesses are known, both $\hat x_\varnothing = \mathbb{E}[x \mid z]$ and $\hat x_c = \mathbb{E}[x \mid z, c]$, and guidance with weight $w$ takes
#
# $$ \hat x_w = \hat x_\varnothing + w\, ( \hat x_c - \hat x_\varnothing ) . $$
#
# `guided_guess` computes it. (Two ways lead there. Part by part, all is normal. Or by Tweedie's formula: $\hat x = (z + \sigma^2\, \nabla_z \log q(z)) / \alpha$.)
#
# People say that guidance draws from the law $\propto p(x)\, \bigl( p(x \mid c) / p(x) \bigr)^w$, the **tilted** law. Does it? Take one number, $p(x) = \mathcal{N}(m, s^2)$ and $p(x \mid c) = \mathcal{N}(m_c, s_c^2)$, both normal, and the path with $\alpha = 1$. A walk begins with $z \sim \mathcal{N}(0, \sigma_0^2)$ at $\sigma = \sigma_0$, and follows the probability-flow equation
#
# $$ \frac{dz}{d\sigma} = \frac{z - \hat x_w(z)}{\sigma} $$
#
# down to $\sigma = 0$. The equation is linear in $z$, so that what is drawn is a normal law. `guided_normal` gives its mean and deviation, and those of the tilted law. You may integrate the equation by a method of your own; four digits are enough, and $\sigma_0$ is at most 100. If you do it with a pencil, you find a deviation that is simpler than you expect, and that is not the tilted law's.
#
# The tilted law exists for all numbers that the test asks about.
#
# *Hint.* $z(0)$ is linear in $z(\sigma_0)$: two starts tell all.
#
# *Trains: the exact guess of a mixture; Tweedie's formula; what guidance does to a mean and to a spread, and that it is not what people say.*


# %% nbgrader={"grade": false, "grade_id": "q6-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def guided_guess(law, w, z, alpha, sigma):
    """x̂_w of each row of z, (B, D); z is (B, D), and w, alpha and sigma are numbers.

    law is a dict of arrays: "weights" (C,), "means" (C, D), "covariances" (C, D, D), and "member"
    (C,), True for the parts of the class.
    """
    ### BEGIN SOLUTION
    C = alpha**2 * law["covariances"] + sigma**2 * np.eye(z.shape[1])
    away = z[:, None] - alpha * law["means"]  # (B, C, D)
    pull = np.linalg.solve(C, away[..., None])[..., 0]
    moved = alpha * np.einsum("cde,bce->bcd", law["covariances"], pull)
    log_r = np.log(law["weights"]) - np.linalg.slogdet(C)[1] / 2 - (away * pull).sum(2) / 2
    every = special.softmax(log_r, axis=1)
    some = special.softmax(np.where(law["member"], log_r, -np.inf), axis=1)
    return np.einsum("bc,bcd->bd", every + w * (some - every), law["means"] + moved)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q6-normal", "locked": false, "schema_version": 3, "solution": true, "task": false}
def guided_normal(class_mean, class_std, mean, std, w, start):
    """Mean and deviation of what is drawn, and below them those of the tilted law, (2, 2).

    The arguments are the numbers m_c, s_c, m, s, w and σ_0.
    """

    ### BEGIN SOLUTION
    def factor(sigma):
        """How z - (its mean) changes along the way, up to a constant."""
        by_class = (sigma**2 + class_std**2) ** (w / 2)
        return by_class * (sigma**2 + std**2) ** ((1 - w) / 2)

    x, weight = np.polynomial.legendre.leggauss(200)
    top = np.log(start / class_std + 1)  # σ = s_c (e^v - 1), v from 0 to top
    v = top * (x + 1) / 2
    sigma = class_std * np.expm1(v)
    pull = w * class_mean / (sigma**2 + class_std**2) + (1 - w) * mean / (sigma**2 + std**2)
    inner = sigma * pull / factor(sigma) * class_std * np.exp(v)
    drawn = factor(0) * (inner @ weight * top / 2), start * factor(0) / factor(start)
    precision = w / class_std**2 + (1 - w) / std**2
    centre = (w * class_mean / class_std**2 + (1 - w) * mean / std**2) / precision
    return np.array([drawn, (centre, precision**-0.5)])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q6-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two parts with one covariance, the first of them the class: x̂_c and x̂_∅ by hand.
rng = np.random.default_rng([SEED, 26])
for a, s, w in ((0.6, 0.8, 2.0), (*rng.uniform(0.4, 1, size=2), rng.uniform(1, 4))):
    law = {
        "weights": np.array([0.5, 0.5]),
        "means": np.array([[1.0], [-1]]),
        "covariances": np.full((2, 1, 1), 0.25),
        "member": np.array([True, False]),
    }
    z = rng.normal(size=(4, 1))
    spread = a**2 / 4 + s**2
    parts = [m + a / 4 * (z - a * m) / spread for m in (1, -1)]
    r = special.expit(2 * a * z / spread)
    without = r * parts[0] + (1 - r) * parts[1]
    check(guided_guess(law, 1.0, z, a, s), parts[0])
    check(guided_guess(law, 0.0, z, a, s), without)
    check(guided_guess(law, w, z, a, s), without + w * (parts[0] - without))
# With w = 0 there is no class: by hand, z - m shrinks in proportion to √(σ² + s²). With w = 1 it is the same with the numbers of the class.
m, s, mc, sc = rng.normal(), rng.uniform(1, 2), rng.normal(), rng.uniform(0.3, 0.9)
for w, a, b in ((0.0, m, s), (1.0, mc, sc)):
    left = b / np.sqrt(50**2 + b**2)
    want = [[a * (1 - left), 50 * left], [a, b]]
    check(guided_normal(mc, sc, m, s, w, 50.0), want, tolerance=1e-4)

# %% nbgrader={"grade": true, "grade_id": "q6-mixture", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: mixtures with any covariances and classes of several parts, z far out among them, against Tweedie's formula
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 10])
for B, C, D, far in ((4, 4, 2, 1.0), (3, 5, 3, 1.0), (3, 3, 2, 200.0)):
    A = rng.normal(size=(C, D, D))
    law = {
        "weights": rng.dirichlet(np.full(C, 3.0)),
        "means": 2 * rng.normal(size=(C, D)),
        "covariances": A @ A.transpose(0, 2, 1) / D + 0.1 * np.eye(D),
        "member": np.arange(C) % 2 == 0,
    }
    alpha, sigma, w = rng.uniform(0.4, 1.3), rng.uniform(0.4, 1.3), rng.uniform(-0.5, 4)
    z = rng.normal(size=(B, D))
    z = z if far == 1 else far * z / np.linalg.norm(z, axis=1, keepdims=True)
    z = torch.as_tensor(z).requires_grad_()
    parts = torch.distributions.MultivariateNormal(
        torch.as_tensor(alpha * law["means"]),
        torch.as_tensor(alpha**2 * law["covariances"] + sigma**2 * np.eye(D)),
    )
    joint = parts.log_prob(z[:, None]) + torch.as_tensor(np.log(law["weights"]))
    scores = [
        torch.autograd.grad(one.logsumexp(1).sum(), z, retain_graph=True)[0].numpy()
        for one in (joint, joint[:, law["member"]])
    ]
    score = (1 - w) * scores[0] + w * scores[1]
    want = (z.detach().numpy() + sigma**2 * score) / alpha
    check(guided_guess(law, w, z.detach().numpy(), alpha, sigma), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q6-drawn", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any two normal laws and weights, against the exact solution; the tilted law against sums over a grid
### BEGIN HIDDEN TESTS
from scipy import integrate

rng = np.random.default_rng([SEED, 11])
for w, start in (
    (rng.uniform(1.5, 5), 40.0),
    (rng.uniform(0.1, 0.9), 9.0),
    (3.0, 1.5),
    (1.3, 90.0),
):
    m, mc, s, sc = *rng.normal(size=2), rng.uniform(1.1, 2), rng.uniform(0.4, 1)
    if w == 3:
        s, sc = 1.0, 1.1  # the class is the wider
    got = np.asarray(guided_normal(mc, sc, m, s, w, start), dtype=float)
    assert got.shape == (2, 2)
    shrinks = (1 + (start / sc) ** 2) ** (-w / 2) * (1 + (start / s) ** 2) ** (-(1 - w) / 2)

    def flow(u, y, w=w, m=m, mc=mc, s=s, sc=sc):  # in u = σ²
        return (w * (y - mc) / (u + sc**2) + (1 - w) * (y - m) / (u + s**2)) / 2

    centre = integrate.solve_ivp(
        flow, (start**2, 0), [0.0], method="LSODA", rtol=1e-10, atol=1e-12
    ).y[0, -1]
    check(got[0], [centre, start * shrinks], tolerance=3e-4)
    x = np.linspace(-100, 100, 200_001)
    log_p = -w * ((x - mc) / sc) ** 2 / 2 - (1 - w) * ((x - m) / s) ** 2 / 2
    p = special.softmax(log_p)
    check(got[1], [p @ x, np.sqrt(p @ x**2 - (p @ x) ** 2)], tolerance=3e-4)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q7-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 7. Train it (3 points)
#
# Train a denoiser on images. A level from 0 to 16 is the number $x / 8 - 1$, from −1 to 1, and $z = \alpha\, x + \sigma\, \varepsilon$ with $\alpha^2 = 1 / (1 + e^{-\lambda})$ and $\sigma^2 = 1 - \alpha^2$. `denoise` says $\hat x(z)$ at any $\lambda$ between −5 and 9; beyond, there is nothing to learn.
#
# `train` returns parameters of your own kind: numbers, arrays, or lists and dicts of them. `denoise` reads them. The network, the optimiser and their numbers are up to you; all calls of `train` together may take thirty seconds on one core.
#
# The hidden test trains on 1,000 digits and looks at 797 others. It shuffles the pixels and turns half of them into negatives (`disguised` above), so that nobody needs to look the digits up. With very many frames the bound of chapter 17 is an integral over the noise. So a denoiser gains on the best model of independent pixels, whose guess $\hat x_0$ is that of question 4 with the logarithms of the frequencies as logits, and which costs about 108 nats an image,
#
# $$ \text{gain} = \frac12 \int_{-5}^{9} e^{\lambda}\; \mathbb{E} \bigl( \lVert x - \hat x_0(z) \rVert^2 - \lVert x - \hat x(z) \rVert^2 \bigr)\, d\lambda \quad \text{nats} , $$
#
# and you need a gain of 10. (The test looks at one $z$ of each image, at noise levels that are spread evenly, so that it has an error of about 0.7.)
#
# *Hints.* Begin with $\hat x_0$ and let the network say what to add to its logits: then you start with a gain of 0, and where there is little noise you stay exact. Nothing forces you to train by the integral itself, but what you weight is what you get: most of the gain comes from $\lambda$ between −1 and 4. Draw $\lambda$ from a law with a density and divide by it. Tell the network how noisy its input is.
#
# *Trains: all of chapter 17; the bound as a loss; what the weight of each noise level does.*


# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, generator):
    """Parameters for `denoise`; images is (N, D), integers from 0 to 16."""
    ### BEGIN SOLUTION
    images = torch.as_tensor(images)
    (N, D), H, batch, steps, lr = images.shape, 192, 100, 500, 0.01
    counts = torch.stack([(images == k).sum(0) for k in range(17)], 1) + 0.3  # (D, 17)
    x, e, table = images.float() / 8 - 1, torch.linspace(-1, 1, 17), counts.log()
    W = torch.randn(H, D + 4, generator=generator) / (D + 4) ** 0.5
    V = torch.zeros(2 * D, H)
    weights = [one.requires_grad_() for one in (W, torch.zeros(H), V, torch.zeros(2 * D))]
    W, c, V, b = weights
    optimizer = torch.optim.AdamW(weights, lr=lr, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps)
    for _ in range(steps):
        u = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
        level = 1 + 1.2 * torch.logit(u.clamp(1e-4, 1 - 1e-4))  # a logistic law
        density = u * (1 - u) / 1.2
        alpha, sigma = level.sigmoid().sqrt()[:, None], (-level).sigmoid().sqrt()[:, None]
        row = x[torch.randint(N, (batch,), generator=generator)]
        z = alpha * row + sigma * torch.randn(row.shape, generator=generator)
        told = torch.stack([torch.sin(level / 3), torch.cos(level / 3)], 1)
        told = torch.cat([z, told, level[:, None] / 4, alpha], 1)
        h = torch.nn.functional.silu(told @ W.T + c)
        slope, bend = (h @ V.T + b).chunk(2, 1)
        logits = table + slope[:, :, None] * e + bend[:, :, None] * e**2
        away = (z[:, :, None] - alpha[:, :, None] * e) / sigma[:, :, None]
        off = row - (logits - away**2 / 2).softmax(2) @ e
        loss = (level.exp() / (2 * density) * (off**2).sum(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    params = dict(zip("WcVb", (one.detach().numpy() for one in weights), strict=True))
    return params | {"table": table.numpy()}
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q7-denoise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def denoise(params, z, log_snr):
    """x̂, (B, D), with parameters from `train`; z is (B, D), and log_snr, the λ, is (B,)."""
    ### BEGIN SOLUTION
    level, e = log_snr[:, None], np.linspace(-1, 1, 17)
    alpha, sigma = np.sqrt(special.expit(level)), np.sqrt(special.expit(-level))
    told = np.hstack([z, np.sin(level / 3), np.cos(level / 3), level / 4, alpha])
    h = told @ params["W"].T + params["c"]
    h = h * special.expit(h)
    slope, bend = np.split(h @ params["V"].T + params["b"], 2, axis=1)
    logits = params["table"] + slope[:, :, None] * e + bend[:, :, None] * e**2
    away = (z[:, :, None] - alpha[:, :, None] * e) / sigma[:, :, None]
    return special.softmax(logits - away**2 / 2, axis=2) @ e
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q7-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two hundred images of nine pixels that are all white or all black. All pixels tell of each, and the exact guess is a hyperbolic tangent of their sum. (Independent pixels are off by 0.5.)
rng = np.random.default_rng([SEED, 27])
ink = rng.uniform(size=200) < rng.uniform(0.4, 0.6)
few = np.repeat(16 * ink[:, None].astype(int), 9, axis=1)
params, again = train(few, seeded(1)), train(few, seeded(1))
for level in (-2.0, 0.0, 2.0):
    alpha = np.sqrt(special.expit(level))
    sigma = np.sqrt(1 - alpha**2)
    x = np.repeat(rng.choice([-1.0, 1.0], size=(300, 1)), 9, axis=1)
    z = alpha * x + sigma * rng.normal(size=x.shape)
    got = np.asarray(denoise(params, z, np.full(300, level)), dtype=float)
    want = np.tanh(special.logit(ink.mean()) / 2 + alpha * z.sum(1, keepdims=True) / sigma**2)
    assert got.shape == (300, 9), f"shape {got.shape}"
    off = ((got - want) ** 2).mean()
    assert off < 0.2, f"at λ = {level} the guess is off by {off:.3f}, squared"
    # and it draws from its generator alone
    check(denoise(again, z, np.full(300, level)), got, tolerance=1e-3)

# %% nbgrader={"grade": true, "grade_id": "q7-gain", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: a gain of at least 10 nats on images that were not in the training set
### BEGIN HIDDEN TESTS
from coursepkg.data.digits import load_split

rng = np.random.default_rng([SEED, 12])
images = disguised(rng, load_split())
params = train(images[:1000], seeded(int(rng.integers(2**31))))
e, x = np.linspace(-1, 1, 17), images[1000:] / 8 - 1
counts = np.stack([(images[:1000] == k).sum(0) for k in range(17)], axis=1) + 0.3
level = -5 + 14 * rng.permutation((np.arange(len(x)) + rng.uniform(size=len(x))) / len(x))
alpha, sigma = np.sqrt(special.expit(level))[:, None], np.sqrt(special.expit(-level))[:, None]
z = alpha * x + sigma * rng.normal(size=x.shape)
away = (z[:, :, None] - alpha[:, :, None] * e) / sigma[:, :, None]
free = special.softmax(np.log(counts) - away**2 / 2, axis=2) @ e
got = np.asarray(denoise(params, z, level), dtype=float)
assert got.shape == x.shape
better = ((x - free) ** 2).sum(1) - ((x - got) ** 2).sum(1)
gain = 14 * (np.exp(level) / 2 * better).mean()
assert gain >= 10, f"a gain of {gain:.1f} nats"
### END HIDDEN TESTS
