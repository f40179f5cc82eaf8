# %%
from scipy import linalg, stats


# %% nbgrader={"grade": false, "grade_id": "q1-solve", "locked": false, "schema_version": 3, "solution": true, "task": false}
def equilibrium(A):
    """One program for Red; Blue's law is its dual."""
    M, N = A.shape
    found = optimize.linprog(
        np.append(np.zeros(M), -1.0),
        A_ub=np.hstack([-A.T, np.ones((N, 1))]),
        b_ub=np.zeros(N),
        A_eq=np.append(np.ones(M), 0.0).reshape(1, -1),
        b_eq=np.ones(1),
        bounds=M * [(0, 1)] + [(None, None)],
        method="highs",
    )
    q = np.maximum(-found.ineqlin.marginals, 0)
    return {"p": found.x[:-1], "q": q / q.sum(), "v": np.float32(-found.fun)}.values()


# %% nbgrader={"grade": false, "grade_id": "q1-play", "locked": false, "schema_version": 3, "solution": true, "task": false}
def play(A, rounds):
    """Moves in a list, counted at the end; whole numbers."""
    A = np.asarray(A, dtype=np.int64)
    moves, brings, costs = [], 0 * A[:, 0], 0 * A[0]
    for _ in range(rounds):
        i = brings.argmax()
        costs = costs + A[i]
        j = costs.argmin()
        brings = brings + A[:, j]
        moves.append((i, j))
    red, blue = np.transpose(moves)
    return np.bincount(red, minlength=A.shape[0]), np.bincount(blue, minlength=A.shape[1])


# %% nbgrader={"grade": false, "grade_id": "q2-best", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_discriminator(p, q, share):
    """The logistic function of the log-odds."""
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.log(p) - np.log(q) + special.logit(share)
    d = special.expit(odds)
    d[(p == 0) & (q == 0)] = share
    return d.astype(np.float32)


# %% nbgrader={"grade": false, "grade_id": "q2-value", "locked": false, "schema_version": 3, "solution": true, "task": false}
def game_value(d, p, q, share):
    """Only where something is shown."""
    d = np.asarray(d)
    real, fake = p > 0, q > 0
    earned = np.dot(p[real], np.log(d[real])) * share
    return np.array(earned + np.dot(q[fake], np.log1p(-d[fake])) * (1 - share))


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def generator_gradients(critic, m, s, z):
    """By einsum, for both losses at once."""
    x = np.asarray(m)[None] + z * s
    bend = 1 / np.cosh(np.einsum("hd,bd->bh", critic["W"], x) + critic["c"]) ** 2
    slope = np.einsum("h,bh,hd->bd", critic["V"][0], bend, critic["W"])
    score = net(critic, x)[:, 0]
    heard = -np.exp(-np.logaddexp(0, np.stack([-score, score])))  # -σ(D) and -σ(-D)
    moves = np.stack([np.ones_like(z), z])
    return np.einsum("lb,bd,kbd->lkd", heard, slope, moves) / len(z)


# %% nbgrader={"grade": false, "grade_id": "q4-path", "locked": false, "schema_version": 3, "solution": true, "task": false}
def path(theta, psi, c, gamma, step_size, rounds, ahead):
    """By hyperbolic tangents."""
    places = np.empty((rounds + 1, 2))
    places[0] = theta, psi
    for t in range(rounds):
        a, b = places[t]
        for _ in range(2 if ahead else 1):
            up = b * (1 - np.tanh(a * b / 2)) / 2
            right = c * (1 - np.tanh(b * c / 2)) / 2 - a * (1 + np.tanh(a * b / 2)) / 2
            a, b = places[t] + step_size * np.array([up, right - gamma * b])
        places[t + 1] = a, b
    return places


# %% nbgrader={"grade": false, "grade_id": "q4-eigenvalues", "locked": false, "schema_version": 3, "solution": true, "task": false}
def eigenvalues(c, gamma):
    """From small differences of the field, symmetric in the step."""

    def v(u):
        forged, real = special.expit(u[1] * u[0]), special.expit(u[1] * c)
        return np.array([u[1] * (1 - forged), c * (1 - real) - u[0] * forged - gamma * u[1]])

    home, nudge = np.array([c, 0.0]), 1e-4 * np.eye(2)
    J = np.stack([(v(home + one) - v(home - one)) / 2e-4 for one in nudge], axis=1)
    return linalg.eigvals(J)


# %% nbgrader={"grade": false, "grade_id": "q5-mmd", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mmd_squared(x, y, h):
    """By a library's distances; condensed ones have no diagonal."""
    from scipy.spatial import distance

    def kappa(square):
        return np.mean(1 / (1 + square / h**2))

    inside = [kappa(distance.pdist(one, "sqeuclidean")) for one in (x, y)]
    return sum(inside) - 2 * kappa(distance.cdist(x, y, "sqeuclidean"))


# %% nbgrader={"grade": false, "grade_id": "q5-test", "locked": false, "schema_version": 3, "solution": true, "task": false}
def p_value(x, y, h, divisions, generator):
    """A rank among all divisions; NumPy's dice, which the generator seeds."""
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    rows, N = np.vstack([x, y]), len(x)
    square = (rows**2).sum(1)
    kernel = 1 / (1 + np.maximum(square[:, None] + square - 2 * rows @ rows.T, 0) / h**2)
    found = []
    for r in range(divisions + 1):
        order = rng.permutation(len(rows)) if r else np.arange(len(rows))
        k = kernel[np.ix_(order, order)]
        one, two, across = k[:N, :N], k[N:, N:], k[:N, N:]
        inside = [
            (part.sum() - np.trace(part)) / (len(part) ** 2 - len(part)) for part in (one, two)
        ]
        found.append(sum(inside) - 2 * across.mean())
    return np.float64(np.mean(np.array(found) >= found[0]))


# %% nbgrader={"grade": false, "grade_id": "q5-frechet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frechet(x, y):
    """By the root of one covariance, and of what it makes of the other."""
    S, T = (np.atleast_2d(np.cov(one, rowvar=False)) for one in (x, y))
    left, size, _ = linalg.svd(S)
    half = (left * np.sqrt(size)) @ left.T
    rest = linalg.svdvals(half @ T @ half)
    shift = linalg.norm(np.mean(x, 0) - np.mean(y, 0)) ** 2
    return shift + np.trace(S + T) - 2 * np.sum(np.sqrt(rest))


# %% nbgrader={"grade": false, "grade_id": "q6-denoiser", "locked": false, "schema_version": 3, "solution": true, "task": false}
def right_denoiser(p, C):
    """Joint and marginal, in place."""
    joint = np.einsum("k,kh->hk", p, C)
    heard = np.einsum("hk->h", joint)
    Q = np.array(np.broadcast_to(p, joint.shape))
    np.divide(joint, heard[:, None], out=Q, where=heard[:, None] > 0)
    return Q


# %% nbgrader={"grade": false, "grade_id": "q6-stationary", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stationary(C, Q):
    """The null space of 1 - P from the left, by singular values."""
    P = np.asarray(C) @ Q
    law = linalg.svd(P.T - np.eye(len(P)))[2][-1]
    return law / law.sum()


# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(real, fake, generator):
    """All rows in one heap, and the log-odds of their numbers taken off afterwards."""
    x = torch.as_tensor(np.concatenate([real, fake])).float()
    y = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    sizes = (x.shape[1], 32, 32, 1)
    weights = []
    for a, b in zip(sizes[:-1], sizes[1:], strict=True):
        weights += [torch.randn(b, a, generator=generator) / a**0.5, torch.zeros(b)]
    optimizer = torch.optim.Adam([one.requires_grad_() for one in weights], lr=5e-3)
    for step in range(500):
        optimizer.param_groups[0]["lr"] = 5e-3 * (1 - step / 500)
        rows = torch.randint(len(x), (400,), generator=generator)
        h = x[rows]
        for k in range(0, 6, 2):
            h = h @ weights[k].T + weights[k + 1]
            h = torch.nn.functional.silu(h) if k < 4 else h
        loss = torch.nn.functional.binary_cross_entropy_with_logits(h[:, 0], y[rows])
        loss = loss + 1e-4 * sum(one.square().sum() for one in weights[::2])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [one.detach() for one in weights], float(np.log(len(real) / len(fake)))


# %% nbgrader={"grade": false, "grade_id": "q7-ratio", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_ratio(params, x):
    """The layers once more, less the log-odds."""
    weights, odds = params
    h = np.asarray(x)
    for k in range(0, 6, 2):
        h = h @ np.asarray(weights[k]).T + np.asarray(weights[k + 1])
        h = h * special.expit(h) if k < 4 else h
    return h[:, 0] - odds
