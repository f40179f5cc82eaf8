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
# grader: delete = coursepkg.games, coursepkg.models.gan, coursepkg.models.chains, coursepkg.evaluation.samples, coursepkg.samplers.finite
# grader: seconds = 310

# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Assignment 15: Adversaries and chains
#
# Seven questions, 20 points: six on [chapter 15](https://your-organisation.github.io/generative-models/notebooks/15_gan.html) and one on [chapter 16](https://your-organisation.github.io/generative-models/notebooks/16_markov_generators.html).
# Write your code in place of `raise NotImplementedError`. Below each question stands a test that you can run as often as
# you like, and an empty cell whose comment says what the hidden test looks at. Run the whole notebook from the top
# before you hand it in. The tests draw their numbers from `SEED`, and the grader has another one; five digits are enough.
#
# A batch of $B$ examples of $D$ numbers is an array (B, D), one example a row. All logarithms are natural, and $\sigma(a) = 1 / (1 + e^{-a})$.
# Return NumPy arrays or numbers, or what the docstring says. Whatever is random must come from the `generator` that your function is given. You may use NumPy, SciPy and PyTorch, and the functions of the next cell.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np
import torch
from scipy import optimize, special

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


def log_density(law, x):
    """log p of each row of x (B, D), (B,), under a mixture of C round normal laws.

    law is a dict of arrays: "weights" (C,), "means" (C, D), "stds" (C,).
    """
    square = ((x[:, None] - law["means"]) ** 2).sum(2) / law["stds"] ** 2
    height = np.log(law["weights"]) - x.shape[1] * np.log(law["stds"] * np.sqrt(2 * np.pi))
    return special.logsumexp(height - square / 2, axis=1)


# %% [markdown] nbgrader={"grade": false, "grade_id": "q1-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1. A game of one table (3 points)
#
# Red chooses a row and Blue a column of a matrix $A$ of $M$ rows and $N$ columns, and Blue pays Red the number $A_{ij}$, which may be negative. `equilibrium` finds a law $p$ over rows and a law $q$ over columns such that Red can make sure of the value of the game by $p$, and Blue can hold Red to it by $q$. Where there are several equilibria, any of them will do.
#
# `play` lets the two learn by playing. Round after round Red goes first and chooses a row that pays best on average against all columns that Blue has chosen so far; then Blue, who sees it, chooses a column that costs least on average against all rows that Red has chosen so far, that of this round among them. In the first round, when Blue has chosen nothing, Red takes row 0. Of equally good moves each takes the one with the smallest number. `play` counts.
#
# *Trains: the minimax theorem as a pair of linear programs; who maximises what; best answers.*


# %% nbgrader={"grade": false, "grade_id": "q1-solve", "locked": false, "schema_version": 3, "solution": true, "task": false}
def equilibrium(A):
    """The triple of p (M,), q (N,) and the value, a number; A is (M, N)."""
    ### BEGIN SOLUTION
    M, N = A.shape
    laws = []
    for B, rows, sign in ((A.T, M, -1), (A, N, 1)):  # Red: Aᵀp >= v; Blue: A q <= v
        cost, total = np.append(np.zeros(rows), sign), np.append(np.ones(rows), 0)[None]
        most = np.column_stack([sign * B, np.full(len(B), -sign)])
        bounds = [(0, None)] * rows + [(None, None)]
        found = optimize.linprog(cost, most, np.zeros(len(B)), total, [1], bounds=bounds)
        laws.append(found.x[:rows])
    p, q = laws
    return p, q, p @ A @ q
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q1-play", "locked": false, "schema_version": 3, "solution": true, "task": false}
def play(A, rounds):
    """How often each row and each column was chosen, two arrays (M,) and (N,); A is (M, N)."""
    ### BEGIN SOLUTION
    rows, columns = np.zeros(A.shape[0]), np.zeros(A.shape[1])
    for _ in range(rounds):
        rows[np.argmax(A @ columns)] += 1
        columns[np.argmin(rows @ A)] += 1
    return rows, columns
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two rows and two columns, with a on the diagonal for 1: Red evens out what the columns cost, and Blue what the rows bring.
rng = np.random.default_rng([SEED, 21])
for a, d in ((1.0, 1.0), rng.uniform(1, 5, size=2)):
    p, q, value = equilibrium(np.array([[a, 0.0], [0, d]]))
    check(p, [d / (a + d), a / (a + d)])
    check(q, [d / (a + d), a / (a + d)])
    check(value, a * d / (a + d))
# Red has row 0, then Blue column 1; now row 1 pays more, and both columns cost Blue the same.
big = int(rng.integers(2, 9))
for rounds, rows, columns in ((1, [1, 0], [0, 1]), (2, [1, 1], [1, 1])):
    got = play(np.array([[big, 0], [0, big]]), rounds)
    check(got[0], rows)
    check(got[1], columns)

# %% nbgrader={"grade": true, "grade_id": "q1-value", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: games of any size, with negative values too, and games with many equilibria
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 1])
for M, N, shift in ((3, 5, 0), (6, 2, -9), (4, 4, 5), (3, 3, -4)):
    A = rng.normal(size=(M, N)) + shift
    if M == N == 3:
        A = np.repeat(A[:, :1], 3, axis=1)  # Blue does not care
    found = optimize.linprog(
        np.append(np.zeros(M), -1),
        A_ub=np.column_stack([-A.T, np.ones(N)]),
        b_ub=np.zeros(N),
        A_eq=np.append(np.ones(M), 0)[None],
        b_eq=[1],
        bounds=[(0, None)] * M + [(None, None)],
    )
    want = -found.fun
    p, q, value = (np.asarray(one, dtype=float) for one in equilibrium(A))
    check(value, want)
    assert (p.shape, q.shape) == ((M,), (N,))
    assert min(p.min(), q.min()) > -1e-5
    check(p.sum(), 1)
    check(q.sum(), 1)
    assert (p @ A).min() >= want - 1e-4
    assert (A @ q).max() <= want + 1e-4
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q1-moves", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: many rounds of games of whole numbers, move by move
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 2])
for M, N, rounds in ((3, 4, 200), (5, 2, 61), (2, 3, 500)):
    A = rng.integers(-5, 6, size=(M, N))
    red, blue = [], []
    for _ in range(rounds):
        brings = [sum(int(A[i, j]) for j in blue) for i in range(M)]
        red.append(brings.index(max(brings)))
        costs = [sum(int(A[i, j]) for i in red) for j in range(N)]
        blue.append(costs.index(min(costs)))
    rows, columns = play(A, rounds)
    check(rows, [red.count(i) for i in range(M)])
    check(columns, [blue.count(j) for j in range(N)])
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q2-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2. The best discriminator (2 points)
#
# A law $p$ of data and a law $q$ of samples over $K$ states are known. Of what the discriminator is shown the share $\rho$ is real, not always one half, and it earns
#
# $$ V(d) = \rho \sum_{x} p(x) \log d(x) + (1 - \rho) \sum_{x} q(x) \log \bigl( 1 - d(x) \bigr) . $$
#
# Find the best $d$, and compute $V$ for any $d$. A probability may be 0, and what has probability 0 earns nothing, whatever $d$ says there: $0 \log 0 = 0$. In a state that neither law ever shows, the best discriminator is to say $\rho$.
#
# *Trains: Bayes' rule; the value of the game for given players; zeros.*


# %% nbgrader={"grade": false, "grade_id": "q2-best", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_discriminator(p, q, share):
    """d for which V is largest, (K,); p and q are (K,), share is ρ, between 0 and 1."""
    ### BEGIN SOLUTION
    real, fake = share * p, (1 - share) * q
    nothing = real + fake == 0
    return np.where(nothing, share, real / np.where(nothing, 1, real + fake))
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q2-value", "locked": false, "schema_version": 3, "solution": true, "task": false}
def game_value(d, p, q, share):
    """V(d), a number; d, p and q are (K,)."""
    ### BEGIN SOLUTION
    return share * special.xlogy(p, d).sum() + (1 - share) * special.xlog1py(q, -d).sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A mint's coin with 0.7 for heads and a fair one, as often the one as the other; then another coin, and the real one more often.
rng = np.random.default_rng([SEED, 22])
for heads, share in ((0.7, 0.5), (rng.uniform(0.6, 0.9), rng.uniform(0.6, 0.9))):
    p, q = np.array([heads, 1 - heads]), np.array([0.5, 0.5])
    a, b = share * p, (1 - share) * q
    check(best_discriminator(p, q, share), a / (a + b))
    want = share * np.log(0.5) + (1 - share) * np.log(0.5)
    check(game_value(np.array([0.5, 0.5]), p, q, share), want)
    want = a @ np.log([0.2, 0.9]) + b @ np.log([0.8, 0.1])
    check(game_value(np.array([0.2, 0.9]), p, q, share), want)

# %% nbgrader={"grade": true, "grade_id": "q2-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: more states, some of which one law or both never show: the divergence that is left at the best d
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 3])
for K, share in ((6, 0.5), (9, rng.uniform(0.1, 0.4)), (7, rng.uniform(0.6, 0.9))):
    p, q = rng.dirichlet(np.ones(K), size=2)
    p[0] = q[1] = p[2] = q[2] = 0
    p, q = p / p.sum(), q / q.sum()
    want = np.array([
        share if a + b == 0 else share * a / (share * a + (1 - share) * b)
        for a, b in zip(p, q, strict=True)
    ])
    check(best_discriminator(p, q, share), want)
    m = share * p + (1 - share) * q
    left = share * special.rel_entr(p, m).sum() + (1 - share) * special.rel_entr(q, m).sum()
    left += share * np.log(share) + (1 - share) * np.log(1 - share)
    check(game_value(want, p, q, share), left)
    d = rng.uniform(0.05, 0.95, size=K)
    check(game_value(d, p, q, share), share * p @ np.log(d) + (1 - share) * q @ np.log(1 - d))
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q3-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3. What a generator hears (2 points)
#
# A generator with the parameters $m$ and $s$, $D$ numbers each, makes the samples $x = m + s \odot z$ of given noise $z$. The critic is `net`, with one output, the score $D(x)$, and $d(x) = \sigma(D(x))$. Over a batch of noise the generator's loss is
#
# $$ \text{minimax:} \quad \frac1B \sum_b \log \bigl( 1 - d(x_b) \bigr) , \qquad \text{non-saturating:} \quad -\frac1B \sum_b \log d(x_b) . $$
#
# Compute the derivatives of both with respect to $m$ and to $s$. Scores may be $\pm 1000$, and then the one loss has next to no slope, and the other a good one.
#
# *Trains: the chain rule from the loss by way of the critic to the generator; who goes deaf, and when.*


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def generator_gradients(critic, m, s, z):
    """The pair of arrays (2, D): of the minimax loss and of the other, ∂/∂m above ∂/∂s.

    critic is a dict for `net`; m and s are (D,); z is (B, D).
    """
    ### BEGIN SOLUTION
    x = m + s * z
    h = np.tanh(x @ critic["W"].T + critic["c"])
    slope = (1 - h**2) * critic["V"] @ critic["W"]  # ∂ score / ∂x, (B, D)
    score = h @ critic["V"].T + critic["e"]  # (B, 1)
    heard = [-special.expit(score) * slope, -special.expit(-score) * slope]
    return [np.stack([one.mean(0), (one * z).mean(0)]) for one in heard]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q3-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# A critic of one hidden unit, at a place where it is 0 and so the score is e: the score rises by w in one direction.
rng = np.random.default_rng([SEED, 23])
for w, e in ((1.0, 0.0), (rng.uniform(1, 3), rng.normal())):
    critic = {"W": np.array([[1.0, 0]]), "c": np.zeros(1), "V": np.array([[w]]), "e": np.array([e])}
    z = np.array([[0.0, 1], [0, -2]])
    minimax, other = generator_gradients(critic, np.zeros(2), np.ones(2), z)
    d = 1 / (1 + np.exp(-e))
    check(minimax, [[-d * w, 0], [0, 0]])
    check(other, [[-(1 - d) * w, 0], [0, 0]])

# %% nbgrader={"grade": true, "grade_id": "q3-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any critic, noise and parameters, against small differences of the losses; scores of plus and minus a thousand
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 4])
for D, H, B, e in ((3, 5, 6, 0.0), (2, 4, 5, -1000.0), (2, 4, 5, 1000.0)):
    critic = {
        "W": rng.normal(size=(H, D)),
        "c": rng.normal(size=H),
        "V": rng.normal(size=(1, H)),
        "e": np.array([e]),
    }
    m, s, z = rng.normal(size=D), rng.uniform(0.5, 2, size=D), rng.normal(size=(B, D))
    want = np.zeros((2, 2, D))
    for k, j in np.ndindex(2, D):
        nudge = np.zeros((2, D))
        nudge[k, j] = 1e-5
        up, down = (
            net(critic, m + side * nudge[0] + (s + side * nudge[1]) * z) for side in (1, -1)
        )
        deaf = np.logaddexp(0, down) - np.logaddexp(0, up)
        hears = np.logaddexp(0, -up) - np.logaddexp(0, -down)
        want[:, k, j] = deaf.mean() / 2e-5, hears.mean() / 2e-5
    minimax, other = generator_gradients(critic, m, s, z)
    check(minimax, want[0])
    check(other, want[1])
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q4-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. Round and round (3 points)
#
# All data are the number $c$, all samples the number $\theta$, and the critic is $D(x) = \psi x$. The critic raises
#
# $$ \log \sigma(\psi c) + \log \bigl( 1 - \sigma(\psi \theta) \bigr) - \frac{\gamma}{2} \psi^2 , $$
#
# where the last term is the price of its slope, and the generator lowers $-\log \sigma(\psi \theta)$. (The chapter has $c = 0$.) Let $v(\theta, \psi)$ be the pair of what each wants: minus the derivative of the generator's loss in $\theta$, and the derivative of the critic's gain in $\psi$. There are two ways to step:
#
# $$
# \begin{aligned}
# \text{at once:} \quad & u_{t+1} = u_t + \eta\, v(u_t) , \\
# \text{looking ahead:} \quad & u_{t+1} = u_t + \eta\, v\bigl( u_t + \eta\, v(u_t) \bigr) , \qquad u = (\theta, \psi) .
# \end{aligned}
# $$
#
# `path` takes such steps. `eigenvalues` are those of the matrix of derivatives of $v$ at the equilibrium, where samples are data and the critic says nothing.
#
# *Trains: two players' gradients, each of its own loss; why they turn, and what damps them.*


# %% nbgrader={"grade": false, "grade_id": "q4-path", "locked": false, "schema_version": 3, "solution": true, "task": false}
def path(theta, psi, c, gamma, step_size, rounds, ahead):
    """The places (θ, ψ) at the start and after each round, (rounds + 1, 2).

    ahead is True for steps that look ahead, and False for steps at once.
    """

    ### BEGIN SOLUTION
    def v(u):
        theta, psi = u
        return np.array([
            psi * special.expit(-psi * theta),
            c * special.expit(-psi * c) - theta * special.expit(psi * theta) - gamma * psi,
        ])

    places = [np.array([theta, psi], dtype=float)]
    for _ in range(rounds):
        u = places[-1]
        places.append(u + step_size * v(u + step_size * v(u) if ahead else u))
    return np.stack(places)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q4-eigenvalues", "locked": false, "schema_version": 3, "solution": true, "task": false}
def eigenvalues(c, gamma):
    """The two eigenvalues at the equilibrium, complex numbers in any order, (2,)."""
    ### BEGIN SOLUTION
    return np.linalg.eigvals(np.array([[0, 0.5], [-0.5, -(c**2) / 2 - gamma]])).astype(complex)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q4-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# From ψ = 0 the sample does not move in the first round, and ψ moves by half of the way from the sample to the data.
rng = np.random.default_rng([SEED, 24])
for c, theta in ((0.0, 1.0), rng.normal(size=2)):
    got = path(theta, 0.0, c, 0.3, 0.1, 1, False)
    check(got, [[theta, 0], [theta, 0.05 * (c - theta)]])
# c = 0: without a price the two go round. A price g of less than 1 damps them by half of it.
g = rng.uniform(0.2, 0.8)
for gamma, real in ((0.0, 0.0), (g, -g / 2)):
    got = np.sort_complex(np.asarray(eigenvalues(0.0, gamma), dtype=complex))
    turn = np.sqrt(0.25 - real**2)
    check([got.real, got.imag], [[real, real], [-turn, turn]])

# %% nbgrader={"grade": true, "grade_id": "q4-walk", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: many rounds of both kinds, with data anywhere and any price
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 5])
for ahead in (False, True):
    for _ in range(3):
        c, theta, psi = rng.normal(size=3)
        gamma, eta = rng.uniform(0, 0.5), rng.uniform(0.1, 0.5)
        want = [(theta, psi)]
        for _ in range(30):
            a, b = theta, psi
            for _ in range(1 + ahead):
                up = b / (1 + np.exp(b * a))
                right = c / (1 + np.exp(b * c)) - a / (1 + np.exp(-b * a)) - gamma * b
                a, b = theta + eta * up, psi + eta * right
            theta, psi = a, b
            want.append((theta, psi))
        got = path(want[0][0], want[0][1], c, gamma, eta, 30, ahead)
        check(got, want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q4-matrix", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: data away from 0, and prices small and large
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 6])
for c, gamma in ((rng.uniform(0.3, 1.2), 0.0), (rng.uniform(1, 2), 0.7), (-1.0, 0.0), (0.4, 3.0)):
    half = (c**2 / 2 + gamma) / 2
    root = np.sqrt(complex(half**2 - 0.25))
    want = np.sort_complex(np.array([-half - root, -half + root]))
    got = np.sort_complex(np.asarray(eigenvalues(c, gamma), dtype=complex))
    if abs(root) > 1e-3:
        check([got.real, got.imag], [want.real, want.imag])
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q5-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5. From a bug: two heaps of rows (4 points)
#
# Are $N$ rows $x$ and $M$ rows $y$ draws of one law? Somebody estimates the squared maximum mean discrepancy with the kernel
#
# $$ \kappa(a, b) = \frac{1}{1 + \lVert a - b \rVert^2 / h^2} $$
#
# by the function `first_try` below, and says: "I have tested it. With $y = x$ it gives 0, as it should." An *unbiased* estimate need not be 0 there; this one is biased, and that is not all that is wrong with it. Write `mmd_squared` as it should be: unbiased, and with this kernel. (You may test it: over many pairs of heaps of one law its mean must be 0.)
#
# A number needs a scale. `p_value` divides all $N + M$ rows at random, $R$ times, into two heaps of these sizes. Of the $R + 1$ divisions, the given one included, it returns the share whose discrepancy is at least that of the given one.
#
# `frechet` is another measure: $\lVert \mu - \tilde\mu \rVert^2 + \operatorname{tr} \bigl( \Sigma + \tilde\Sigma - 2 (\Sigma \tilde\Sigma)^{1/2} \bigr)$, from means and covariances (divisors $N - 1$ and $M - 1$). The root is a matrix whose square is $\Sigma \tilde\Sigma$, with no negative eigenvalue. There may be fewer rows than columns, so that a covariance has no inverse.
#
# *Trains: an unbiased mean over pairs; a test that is exact for any sizes; a root that is not taken entry by entry.*


# %% nbgrader={"grade": false, "grade_id": "q5-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
def first_try(x, y, h):
    """Meant to be an unbiased estimate of the squared discrepancy; x is (N, D) and y is (M, D)."""
    rows, heap = np.concatenate([x, y]), np.arange(len(x) + len(y)) < len(x)
    kappa = 1 / (1 + np.linalg.norm(rows[:, None] - rows, axis=2) / h**2)
    return (
        kappa[heap][:, heap].mean()
        - 2 * kappa[heap][:, ~heap].mean()
        + kappa[~heap][:, ~heap].mean()
    )


# %% nbgrader={"grade": false, "grade_id": "q5-mmd", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mmd_squared(x, y, h):
    """The unbiased estimate, a number; x is (N, D) and y is (M, D)."""

    ### BEGIN SOLUTION
    def kappa(a, b):
        return 1 / (1 + ((a[:, None] - b) ** 2).sum(2) / h**2)

    N, M = len(x), len(y)
    within = (kappa(x, x).sum() - N) / (N * (N - 1)) + (kappa(y, y).sum() - M) / (M * (M - 1))
    return within - 2 * kappa(x, y).mean()
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q5-test", "locked": false, "schema_version": 3, "solution": true, "task": false}
def p_value(x, y, h, divisions, generator):
    """The share of the R + 1 divisions, R = divisions, a number; x is (N, D) and y is (M, D)."""
    ### BEGIN SOLUTION
    rows, N = np.concatenate([x, y]), len(x)
    kappa = 1 / (1 + ((rows[:, None] - rows) ** 2).sum(2) / h**2)
    np.fill_diagonal(kappa, 0)

    def discrepancy(order):
        k, M = kappa[order][:, order], len(rows) - N
        within = k[:N, :N].sum() / (N * (N - 1)) + k[N:, N:].sum() / (M * (M - 1))
        return within - 2 * k[:N, N:].mean()

    given = discrepancy(np.arange(len(rows)))
    orders = [torch.randperm(len(rows), generator=generator).numpy() for _ in range(divisions)]
    worse = sum(discrepancy(order) >= given for order in orders)
    return (1 + worse) / (1 + divisions)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q5-frechet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frechet(x, y):
    """The Fréchet distance, squared as above, a number; x is (N, D) and y is (M, D)."""
    ### BEGIN SOLUTION
    a, b = ((one - one.mean(0)) / np.sqrt(len(one) - 1) for one in (x, y))
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()  # tr (Σ Σ')^½ = ‖a bᵀ‖, nuclear
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + (a**2).sum() + (b**2).sum() - 2 * root
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q5-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two rows in each heap, on a line: 0 and a, and 0 and 2 a; with h = a the squared distances are 0, 1 and 4 times h².
rng = np.random.default_rng([SEED, 25])
for a in (1.0, rng.uniform(2, 9)):
    x, y = np.array([[0.0], [a]]), np.array([[0.0], [2 * a]])
    check(mmd_squared(x, y, a), 1 / 2 - 2 * (1 + 1 / 5 + 1 / 2 + 1 / 2) / 4 + 1 / 5)
    check(frechet(x, y), (a / 2) ** 2 + (a / np.sqrt(2)) ** 2)
# Heaps that lie far apart: no other division is as bad.
x = rng.normal(size=(12, 2))
check(p_value(x, x + 50, 3.0, 19, seeded(int(rng.integers(2**31)))), 1 / 20)

# %% nbgrader={"grade": true, "grade_id": "q5-kernel", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: the estimate for heaps of different sizes, pair by pair
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 7])
for N, M, D in ((5, 8, 3), (2, 6, 1), (7, 3, 2)):
    x, y, h = rng.normal(size=(N, D)), 0.5 + rng.normal(size=(M, D)), rng.uniform(0.5, 3)
    want = 0.0
    for one, two, share in ((x, x, N * (N - 1)), (y, y, M * (M - 1)), (x, y, -N * M / 2)):
        for i, j in np.ndindex(len(one), len(two)):
            if one is not two or i != j:
                away = one[i] - two[j]
                want += 1 / (1 + away @ away / h**2) / share
    check(mmd_squared(x, y, h), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q5-level", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: which numbers a p-value can be; equal generators; heaps of one law, again and again; heaps of two laws
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 8])
R, n, found = 9, 500, []
for k in range(n):
    rows = rng.normal(size=(18, 2))
    found.append(float(p_value(rows[:3], rows[3:], 1.0, R, seeded(int(rng.integers(2**31))))))
found = np.array(found) * (R + 1)
check(found, np.rint(found))
assert found.min() >= 0.99
assert found.max() <= R + 1.01
# each of the ten numbers comes one time in ten: Hoeffding, wrong once in a million
bound = np.sqrt(np.log(2e6) / (2 * n))
for k in (1, 3, 5, 7, 9):
    share = (found < k + 0.5).mean()
    assert abs(share - k / (R + 1)) < bound, f"at most {k} of 10: {share:.2f} of the time"
others = 0
for _ in range(8):
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(40, 2))
    draw = int(rng.integers(2**31))
    one, again, other = (float(p_value(x, y, 1.0, 99, seeded(k))) for k in (draw, draw, draw + 1))
    assert one == again
    others += one != other
assert others > 0, "other generators divide in the same way"
check(p_value(x, 0.1 * y, 1.0, 99, seeded(draw)), 1 / 100)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q5-spread", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: covariances that are not diagonal, and fewer rows than columns
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 9])
for N, M, D in ((20, 30, 3), (4, 9, 6), (5, 4, 8)):
    x = rng.normal(size=(N, D)) @ rng.normal(size=(D, D)) + rng.normal(size=D)
    y = rng.normal(size=(M, D)) @ rng.normal(size=(D, D))
    S, T = (np.atleast_2d(np.cov(one.T)) for one in (x, y))
    values, vectors = np.linalg.eigh(S)
    half = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(half @ T @ half), 0)).sum()
    away = x.mean(0) - y.mean(0)
    check(frechet(x, y), away @ away + np.trace(S) + np.trace(T) - 2 * shared, tolerance=1e-4)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q6-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6. A chain that repairs (3 points)
#
# A wall turns the word $x$, one of $K$, into a sound $\tilde x$, one of $H$, with probability $C_{x \tilde x}$. A listener guesses: having heard $\tilde x$ she says $x'$ with probability $Q_{\tilde x x'}$. The next word is what she says, and so on.
#
# `right_denoiser` is the $Q$ of a listener who knows how often each word is used, $p$, and knows the wall. For a sound that no word of the language makes, let her say words as often as $p$ does.
#
# `stationary` finds the law that the chain has in the long run, for any wall and any listener. You may rely on it that there is one, and only one. The chain may be slow: a word may survive a million rounds.
#
# *Trains: Bayes' theorem as a matrix; which side of a matrix a law is multiplied from; a linear system in place of patience.*


# %% nbgrader={"grade": false, "grade_id": "q6-denoiser", "locked": false, "schema_version": 3, "solution": true, "task": false}
def right_denoiser(p, C):
    """Q, (H, K), each row a law; p is (K,) and C is (K, H), each row a law."""
    ### BEGIN SOLUTION
    joint = (p[:, None] * C).T
    heard = joint.sum(1, keepdims=True)
    return np.where(heard > 0, joint / np.where(heard > 0, heard, 1), p)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q6-stationary", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stationary(C, Q):
    """The law of the words in the long run, (K,); C is (K, H) and Q is (H, K)."""
    ### BEGIN SOLUTION
    K = len(C)
    equations = np.vstack([(C @ Q).T - np.eye(K), np.ones(K)])
    return np.linalg.lstsq(equations, np.append(np.zeros(K), 1), rcond=None)[0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q6-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two words, and a wall that passes a word with probability 1 - s. By hand: heard word 0, it was word 0 with p (1 - s) / (p (1 - s) + (1 - p) s).
rng = np.random.default_rng([SEED, 26])
for a, s in ((0.5, 0.25), rng.uniform(0.1, 0.45, size=2)):
    p, C = np.array([a, 1 - a]), np.array([[1 - s, s], [s, 1 - s]])
    zero, one = a * (1 - s) + (1 - a) * s, a * s + (1 - a) * (1 - s)
    Q = [[a * (1 - s) / zero, (1 - a) * s / zero], [a * s / one, (1 - a) * (1 - s) / one]]
    check(right_denoiser(p, C), Q)
    check(stationary(C, np.array(Q)), p)
    # A listener who hears well and says 0 with a after sound 0, and with s after sound 1.
    wrong = np.array([[a, 1 - a], [s, 1 - s]])
    check(stationary(np.eye(2), wrong), [s / (1 - a + s), (1 - a) / (1 - a + s)])

# %% nbgrader={"grade": true, "grade_id": "q6-posterior", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: other walls, with more sounds than words, sounds that are never made, and words that are never used
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 10])
for K, H in ((3, 5), (5, 3), (4, 4)):
    p, C = rng.dirichlet(np.ones(K)), rng.dirichlet(np.ones(H), size=K)
    C[:, 1] = 0
    p[0] = 0
    p, C = p / p.sum(), C / C.sum(1, keepdims=True)
    want = np.tile(p, (H, 1))
    for h in range(H):
        if h != 1:
            weights = np.array([p[k] * C[k, h] for k in range(K)])
            want[h] = weights / weights.sum()
    check(right_denoiser(p, C), want)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "q6-forever", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: any listener, a chain that does not look the same backwards, and one that forgets in a million rounds
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 11])
for K, H, slow in ((4, 6, 1.0), (7, 5, 1.0), (5, 5, 1e-6)):
    C, Q = rng.dirichlet(np.ones(H), size=K), rng.dirichlet(np.ones(K), size=H)
    if slow < 1:
        C, Q = np.eye(K), (1 - slow) * np.eye(K) + slow * Q
    P = C @ Q
    # by trees: the minor of 1 - P that leaves out a state is proportional to its probability
    L = (np.eye(K) - P) / slow
    minors = [np.linalg.det(np.delete(np.delete(L, k, 0), k, 1)) for k in range(K)]
    check(stationary(C, Q), np.array(minors) / np.sum(minors))
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "q7-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 7. A critic that learns the ratio (3 points)
#
# You have draws of two laws, $N$ real rows of $p$ and $M$ samples of $q$, and not as many of one as of the other. Train a critic to tell them apart, and let it say
#
# $$ \log \frac{p(x)}{q(x)} , $$
#
# the log-ratio of the densities, which has nothing to do with how many draws of each you happened to get.
#
# `train` returns parameters of your own kind: numbers, arrays, or lists and dicts of them. `log_ratio` reads them. The network, the optimiser and their numbers are up to you; all calls of `train` together may take twenty seconds on one core. The hidden test knows both laws, which are mixtures of normal laws in the plane (`log_density` above). Of the variation of the true log-ratio over both laws yours must explain 85 %: with $r$ the true one and $\hat r$ yours, $\operatorname{\mathbb{E}} (\hat r - r)^2 \le 0.15\, \operatorname{\mathbb{E}} (r - \operatorname{\mathbb{E}} r)^2$.
#
# *Trains: classification as density-ratio estimation; what a discriminator knows about the share of each kind; when to stop.*


# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(real, fake, generator):
    """Parameters for `log_ratio`; real is (N, D) and fake is (M, D)."""
    ### BEGIN SOLUTION
    real, fake = (torch.as_tensor(one, dtype=torch.float32) for one in (real, fake))
    D, H, batch, steps = real.shape[1], 64, 256, 500
    W, c = torch.randn(H, D, generator=generator), torch.randn(H, generator=generator)
    weights = [one.requires_grad_() for one in (W, c, torch.zeros(1, H), torch.zeros(1))]
    W, c, V, e = weights
    optimizer = torch.optim.AdamW(weights, lr=0.02, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        draws = [x[torch.randint(len(x), (batch,), generator=generator)] for x in (real, fake)]
        score_p, score_q = (torch.tanh(x @ W.T + c) @ V.T + e for x in draws)
        loss = torch.nn.functional.softplus(-score_p) + torch.nn.functional.softplus(score_q)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        schedule.step()
    return dict(zip("WcVe", (one.detach().numpy() for one in weights), strict=True))
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "q7-ratio", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_ratio(params, x):
    """log p(x) / q(x), (B,), with parameters from `train`; x is (B, D)."""
    ### BEGIN SOLUTION
    return net(params, x)[:, 0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q7-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Two normal laws whose means are 2 a apart: the log-ratio is linear, 2 a times the first number. There are three real rows for one sample.
rng = np.random.default_rng([SEED, 27])
for a in (0.7, rng.uniform(0.5, 0.9)):
    real, fake = rng.normal(size=(4500, 2)) + [a, 0], rng.normal(size=(1500, 2)) - [a, 0]
    params = train(real, fake, seeded(1))
    x = np.array([[-0.8, 0.0], [0, 0], [0.8, 0]])
    got = np.asarray(log_ratio(params, x), dtype=float)
    assert got.shape == (3,), f"shape {got.shape}"
    off = np.abs(got - 2 * a * x[:, 0]).max()
    assert off < 0.6, f"off by {off:.2f}"

# %% nbgrader={"grade": true, "grade_id": "q7-mixtures", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# hint: the log-ratio of two mixtures, at fresh draws of both, from heaps of different sizes
### BEGIN HIDDEN TESTS
rng = np.random.default_rng([SEED, 12])
turn = 2 * np.pi * (np.arange(3) / 3 + rng.uniform())
ring = 1.8 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
laws = [
    {
        "weights": rng.dirichlet(np.full(3, 30.0)),
        "means": side * ring + rng.uniform(-0.2, 0.2, size=2),
        "stds": rng.uniform(0.9, 1.1, size=3),
    }
    for side in (1, -1)
]


def draw(law, n):
    c = rng.choice(3, size=n, p=law["weights"])
    return law["means"][c] + law["stds"][c, None] * rng.normal(size=(n, 2))


params = train(draw(laws[0], 6000), draw(laws[1], 1500), seeded(int(rng.integers(2**31))))
x = np.concatenate([draw(law, 2000) for law in laws])
got = np.asarray(log_ratio(params, x), dtype=float)
assert got.shape == (4000,)
want = log_density(laws[0], x) - log_density(laws[1], x)
error = ((got - want) ** 2).mean() / want.var()
assert error <= 0.15, f"{error:.3f} of the variation is missing"
### END HIDDEN TESTS
