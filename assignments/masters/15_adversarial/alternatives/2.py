# %%
import math


# %% nbgrader={"grade": false, "grade_id": "q1-solve", "locked": false, "schema_version": 3, "solution": true, "task": false}
def equilibrium(A):
    """All pairs of supports of the same size, until one holds (Shapley and Snow)."""
    from itertools import combinations

    M, N = A.shape
    for k in range(1, min(M, N) + 1):
        for rows in combinations(range(M), k):
            for columns in combinations(range(N), k):
                B = np.zeros((k + 1, k + 1))
                B[:k, :k] = A[np.ix_(rows, columns)]
                B[k, :k], B[:k, k] = 1, -1
                side = np.append(np.zeros(k), 1)
                blue = np.linalg.lstsq(B, side, rcond=None)[0]
                C = B.copy()
                C[:k, :k] = B[:k, :k].T
                red = np.linalg.lstsq(C, side, rcond=None)[0]
                p, q = np.zeros(M), np.zeros(N)
                p[list(rows)], q[list(columns)] = red[:k], blue[:k]
                good = min(p.min(), q.min()) > -1e-9 and abs(p.sum() - 1) + abs(q.sum() - 1) < 1e-9
                if good and (A @ q).max() <= (p @ A).min() + 1e-9:
                    return p.tolist(), q.tolist(), float(p @ A @ q)
    raise ValueError("no equilibrium")


# %% nbgrader={"grade": false, "grade_id": "q1-play", "locked": false, "schema_version": 3, "solution": true, "task": false}
def play(A, rounds):
    """With lists of what was chosen."""
    A = A.tolist()
    rows, columns = [0] * len(A), [0] * len(A[0])
    for _ in range(rounds):
        brings = [sum(a * n for a, n in zip(row, columns, strict=True)) for row in A]
        rows[brings.index(max(brings))] += 1
        costs = [sum(row[j] * n for row, n in zip(A, rows, strict=True)) for j in range(len(A[0]))]
        columns[costs.index(min(costs))] += 1
    return rows, columns


# %% nbgrader={"grade": false, "grade_id": "q2-best", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_discriminator(p, q, share):
    """State by state."""
    result = []
    for a, b in zip(p.tolist(), q.tolist(), strict=True):
        both = share * a + (1 - share) * b
        result.append(share * a / both if both else share)
    return result


# %% nbgrader={"grade": false, "grade_id": "q2-value", "locked": false, "schema_version": 3, "solution": true, "task": false}
def game_value(d, p, q, share):
    """State by state, zeros left out."""
    total = 0.0
    for k in range(len(d)):
        if p[k] > 0:
            total += share * p[k] * math.log(d[k])
        if q[k] > 0:
            total += (1 - share) * q[k] * math.log(1 - d[k])
    return total


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def generator_gradients(critic, m, s, z):
    """Sample by sample, unit by unit."""

    def sigma(a):
        return 1 / (1 + math.exp(-a)) if a > -700 else 0.0

    B, D = z.shape
    out = np.zeros((2, 2, D))
    for noise in z:
        score, slope = float(critic["e"][0]), np.zeros(D)
        for w, c, v in zip(critic["W"], critic["c"], critic["V"][0], strict=True):
            h = math.tanh(float(w @ (m + s * noise) + c))
            score += v * h
            slope += v * (1 - h * h) * w
        for loss, heard in enumerate((sigma(score), sigma(-score))):
            out[loss, 0] -= heard * slope / B
            out[loss, 1] -= heard * slope * noise / B
    return out.tolist()


# %% nbgrader={"grade": false, "grade_id": "q4-path", "locked": false, "schema_version": 3, "solution": true, "task": false}
def path(theta, psi, c, gamma, step_size, rounds, ahead):
    """Numbers and tuples."""

    def step(at, a, b):
        up = b / (1 + math.exp(a * b))
        right = c / (1 + math.exp(b * c)) - a + a / (1 + math.exp(a * b)) - gamma * b
        return at[0] + step_size * up, at[1] + step_size * right

    now = (float(theta), float(psi))
    places = [now]
    while len(places) <= rounds:
        look = step(now, *now) if ahead else now
        now = step(now, *look)
        places.append(now)
    return places


# %% nbgrader={"grade": false, "grade_id": "q4-eigenvalues", "locked": false, "schema_version": 3, "solution": true, "task": false}
def eigenvalues(c, gamma):
    """The formula for a quadratic."""
    import cmath

    half = -(c * c / 2 + gamma) / 2
    root = cmath.sqrt(half * half - 1 / 4)
    return [half + root, half - root]


# %% nbgrader={"grade": false, "grade_id": "q5-mmd", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mmd_squared(x, y, h):
    """Pair by pair."""

    def kappa(a, b):
        return 1 / (1 + math.fsum((a[d] - b[d]) ** 2 for d in range(len(a))) / (h * h))

    total = 0.0
    for heap in (x.tolist(), y.tolist()):
        n = len(heap)
        pairs = [kappa(heap[i], heap[j]) for i in range(n) for j in range(i)]
        total += sum(pairs) / len(pairs)
    across = [kappa(a, b) for a in x.tolist() for b in y.tolist()]
    return total - 2 * sum(across) / len(across)


# %% nbgrader={"grade": false, "grade_id": "q5-test", "locked": false, "schema_version": 3, "solution": true, "task": false}
def p_value(x, y, h, divisions, generator):
    """Rows exchanged one after the other (Fisher and Yates); sums over a table."""
    rows = np.concatenate([x, y])
    n, N = len(rows), len(x)
    table = 1 / (1 + np.square(rows[:, None] - rows).sum(-1) / h**2) - np.eye(n)

    def value(heap):
        other = np.setdiff1d(np.arange(n), heap)
        a, b = table[np.ix_(heap, heap)].sum(), table[np.ix_(other, other)].sum()
        c = table[np.ix_(heap, other)].mean()
        return a / (N * (N - 1)) + b / (len(other) * (len(other) - 1)) - 2 * c

    numbers, given, hits = list(range(n)), value(np.arange(N)), 1
    for _ in range(divisions):
        for i in range(N):
            j = int(torch.randint(i, n, (1,), generator=generator))
            numbers[i], numbers[j] = numbers[j], numbers[i]
        hits += value(np.sort(numbers[:N])) >= given - 1e-12
    return hits / (divisions + 1)


# %% nbgrader={"grade": false, "grade_id": "q5-frechet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frechet(x, y):
    """The eigenvalues of the product itself, which are real and not negative."""
    S, T = np.cov(x.T).reshape(x.shape[1], -1), np.cov(y.T).reshape(y.shape[1], -1)
    values = np.linalg.eigvals(S @ T).real
    roots = sum(math.sqrt(max(one, 0.0)) for one in values if one > 1e-12 * abs(values).max())
    away = x.mean(0) - y.mean(0)
    return float(away @ away + S.trace() + T.trace()) - 2 * roots


# %% nbgrader={"grade": false, "grade_id": "q6-denoiser", "locked": false, "schema_version": 3, "solution": true, "task": false}
def right_denoiser(p, C):
    """Sound by sound."""
    result = []
    for h in range(C.shape[1]):
        weights = [float(p[k] * C[k, h]) for k in range(len(p))]
        total = sum(weights)
        result.append([one / total for one in weights] if total else p.tolist())
    return result


# %% nbgrader={"grade": false, "grade_id": "q6-stationary", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stationary(C, Q):
    """States are taken out one after the other (Grassmann, Taksar and Heyman)."""
    P = [[float(C[i] @ Q[:, j]) for j in range(len(C))] for i in range(len(C))]
    K = len(P)
    for n in range(K - 1, 0, -1):
        leaves = sum(P[n][:n])
        for i in range(n):
            P[i][n] /= leaves
            for j in range(n):
                P[i][j] += P[i][n] * P[n][j]
    law = [1.0]
    for n in range(1, K):
        law.append(sum(law[i] * P[i][n] for i in range(n)))
    return [one / sum(law) for one in law]


# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(real, fake, generator):
    """Logistic regression on bumps, by Newton's steps, each heap with half of the weight."""
    rng = np.random.default_rng(generator.initial_seed())
    rows = np.concatenate([real, fake])
    centres = rows[rng.choice(len(rows), size=60, replace=False)]
    labels = np.append(np.ones(len(real)), np.zeros(len(fake)))
    weight = np.where(labels == 1, 0.5 / len(real), 0.5 / len(fake))
    phi = np.hstack([
        np.exp(-((rows[:, None] - centres) ** 2).sum(2) / 4),
        rows,
        np.ones((len(rows), 1)),
    ])
    a = np.zeros(phi.shape[1])
    for _ in range(15):
        d = 1 / (1 + np.exp(-phi @ a))
        gradient = phi.T @ (weight * (labels - d)) - 3e-4 * a
        curvature = (phi * (weight * d * (1 - d))[:, None]).T @ phi + 3e-4 * np.eye(len(a))
        a = a + np.linalg.solve(curvature, gradient)
    return {"centres": centres.tolist(), "a": a}


# %% nbgrader={"grade": false, "grade_id": "q7-ratio", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_ratio(params, x):
    """The same bumps."""
    centres, a = np.array(params["centres"]), params["a"]
    return [
        np.append(np.exp(-((row - centres) ** 2).sum(1) / 4), [*row, 1]) @ a
        for row in np.asarray(x)
    ]
