# %%
from scipy import linalg, stats

# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(x, W, b):
    """The law of Wz + b is normal with covariance W Wᵀ; then each component's slope."""
    y = np.arcsinh(np.asarray(x))
    factor = linalg.qr(W.T, mode="r")[0].T  # lower triangular, of the same covariance
    z = linalg.solve_triangular(factor, (y - b).T, lower=True)
    volume = np.log(np.abs(np.diagonal(factor))).sum() + np.log(np.cosh(y)).sum(1)
    return stats.norm.logpdf(z).sum(0) - volume

# %% nbgrader={"grade": false, "grade_id": "q2-there", "locked": false, "schema_version": 3, "solution": true, "task": false}
def couple(params, mask, x):
    """By indices, in NumPy."""
    moved = np.flatnonzero(np.logical_not(mask))
    out = net(params, np.where(mask[None], x, 0))
    a, t = 2 + out[:, moved], out[:, moved + len(mask)]
    z = np.array(x, dtype=np.float32)
    z[:, moved] = (x[:, moved] + t) / (1 + np.exp(-a))
    return [z, -np.logaddexp(0, -a).sum(axis=1)]

# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def uncouple(params, mask, z):
    """By indices, in NumPy."""
    moved = np.flatnonzero(np.logical_not(mask))
    out = net(params, np.where(mask[None], z, 0))
    x = np.copy(z)
    x[:, moved] += z[:, moved] * np.exp(-2 - out[:, moved]) - out[:, moved + len(mask)]
    return x

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_probability(density, x, draws, generator):
    """NumPy's noise, from a generator that the given one seeds; the largest is taken out."""
    rng = np.random.default_rng(generator.initial_seed())
    y = np.repeat(x, draws, axis=0) + rng.random((len(x) * draws, x.shape[1]))
    log_f = log_density(density, y).reshape(len(x), draws)
    top = log_f.max(axis=1)
    return top + np.log(np.exp(log_f - top[:, None]).mean(axis=1))

# %% nbgrader={"grade": false, "grade_id": "q4-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_actnorm(x):
    """From first and second moments, by einsum."""
    n = x.size / x.shape[1]
    mean, square = np.einsum("bchw->c", x) / n, np.einsum("bchw,bchw->c", x, x) / n
    scale = 1 / np.sqrt(square - mean**2)
    return {"s": np.log(scale), "b": -scale * mean}.values()

# %% nbgrader={"grade": false, "grade_id": "q4-layer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def actnorm(x, s, b):
    """With the channels last."""
    z = np.moveaxis(np.moveaxis(x, 1, -1) * np.exp(s) + b, -1, 1)
    return z, np.ones(len(x)) * np.sum(s) * np.prod(x.shape[2:])

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def invert(params, z, contraction, tolerance):
    """A bound on the number of steps in advance, and the rule within it."""
    if not contraction < 1:
        raise ValueError("not a contraction")
    way = contraction / (1 - contraction)
    x = np.array(z)
    limit = np.inf
    for n in range(1, 100_000):
        change = z - net(params, x) - x
        x += change
        reach = way * np.sqrt(np.einsum("bd,bd->b", change, change).max())
        if reach <= tolerance:
            return x, np.int64(n)
        if n == 1:
            limit = 3 + np.log(tolerance / reach) / np.log(contraction)
        if n > limit:
            break
    raise ValueError(f"{n} steps were not enough")

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_det_estimate(params, x, v, terms):
    """In the space of hidden units: vᵀ V (S U)^(k-1) S W v with U = W V."""
    S = 1 - np.tanh(x @ params["W"].T + params["c"]) ** 2
    U = params["W"] @ params["V"]
    left, right = v @ params["V"], v @ params["W"].T
    signs, values = [1.0, -1.0] * terms, []
    for k in range(terms):
        values.append(np.einsum("sbm,bm,sbm->sb", left, S, right) * signs[k] / (k + 1))
        right = (right * S) @ U.T
    return np.mean(np.sum(values, axis=0), axis=0)

# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(x_0, x_1, generator):
    """Random features and least squares, in closed form."""
    rng = np.random.default_rng(generator.initial_seed())
    D, n, F = x_0.shape[1], 30_000, 250
    width = np.concatenate([x_0, x_1]).std() + 1e-12
    waves = rng.normal(size=(D + 1, F)) * np.array([2.0] + D * [1.6 / width])[:, None]
    phase = rng.uniform(0, 2 * np.pi, size=F)
    start, end = (x[rng.integers(len(x), size=n)] for x in (x_0, x_1))
    t = rng.uniform(size=n)
    x = start + t[:, None] * (end - start)
    A = np.column_stack([np.cos(np.column_stack([t, x]) @ waves + phase), np.ones(n)])
    gram = A.T @ A + 1e-4 * n * np.eye(F + 1)
    return waves, phase, linalg.solve(gram, A.T @ (end - start), assume_a="pos")

# %% nbgrader={"grade": false, "grade_id": "q7-velocity", "locked": false, "schema_version": 3, "solution": true, "task": false}
def velocity(params, t, x):
    """The features, and a constant."""
    waves, phase, weight = params
    features = np.cos(np.column_stack([t, x]) @ waves + phase)
    return features @ weight[:-1] + weight[-1]

# %% nbgrader={"grade": false, "grade_id": "q7-euler", "locked": false, "schema_version": 3, "solution": true, "task": false}
def euler(field, params, x, steps):
    """The time as a sum of the steps."""
    t, h = np.zeros(len(x)), 1 / steps
    position = np.array(x, dtype=np.float64)
    while t[0] < 1 - h / 2:
        position += h * field(params, t, position)
        t = t + h
    return position
