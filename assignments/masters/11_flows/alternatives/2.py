# %%
import math

# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(x, W, b):
    """Row by row, the matrix by its singular values."""
    left, stretch, right = np.linalg.svd(W)
    result = []
    for row in x:
        y = np.array([math.asinh(one) for one in row])
        z = right.T @ ((left.T @ (y - b)) / stretch)
        total = -sum(one**2 + math.log(2 * math.pi) for one in z) / 2
        total -= sum(math.log(one) for one in stretch)
        result.append(total - sum(math.log(math.cosh(one)) for one in y))
    return result

# %% nbgrader={"grade": false, "grade_id": "q2-there", "locked": false, "schema_version": 3, "solution": true, "task": false}
def couple(params, mask, x):
    """Variable by variable; returns lists."""
    moved, log_dets = [], []
    for row in x.tolist():
        seen = [one if kept else 0.0 for one, kept in zip(row, mask, strict=True)]
        out = net(params, np.array([seen]))[0].tolist()
        total = 0.0
        for d, kept in enumerate(mask):
            if not kept:
                scale = 1 / (1 + math.exp(-out[d] - 2))
                row[d] = (row[d] + out[len(mask) + d]) * scale
                total += math.log(scale)
        moved.append(row)
        log_dets.append(total)
    return moved, log_dets

# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def uncouple(params, mask, z):
    """Variable by variable, in place of a copy."""
    D, x = len(mask), np.array(z, dtype=float)
    for row in x:
        out = net(params, np.where(mask, row, 0)[None])[0]
        for d in range(D):
            if not mask[d]:
                row[d] = row[d] * (1 + math.exp(-2 - out[d])) - out[D + d]
    return x

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_probability(density, x, draws, generator):
    """Draw by draw: log-add-exp."""
    total = np.full(len(x), -np.inf)
    for _ in range(draws):
        u = torch.rand(x.shape, generator=generator).numpy()
        total = np.logaddexp(total, log_density(density, x + u))
    return (total - math.log(draws)).tolist()

# %% nbgrader={"grade": false, "grade_id": "q4-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_actnorm(x):
    """Channel by channel; returns lists."""
    s, b = [], []
    for c in range(x.shape[1]):
        numbers = x[:, c].ravel().tolist()
        mean = math.fsum(numbers) / len(numbers)
        square = math.fsum((one - mean) ** 2 for one in numbers) / len(numbers)
        s.append(-math.log(square) / 2)
        b.append(-mean / math.sqrt(square))
    return s, b

# %% nbgrader={"grade": false, "grade_id": "q4-layer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def actnorm(x, s, b):
    """Number by number."""
    z, log_det = np.array(x, dtype=float), [0.0] * len(x)
    for i, c, j, k in np.ndindex(*x.shape):
        z[i, c, j, k] = math.exp(s[c]) * x[i, c, j, k] + b[c]
        log_det[i] += s[c]
    return z, log_det

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def invert(params, z, contraction, tolerance):
    """By recursion on the step."""
    if contraction >= 1 or contraction < 0:
        raise ValueError(f"a constant of {contraction}")

    def lengths(one, two):
        return max(math.dist(a, b) for a, b in zip(one, two, strict=True))

    points = [z, z - net(params, z)]
    while lengths(points[-1], points[-2]) * contraction / (1 - contraction) > tolerance:
        points.append(z - net(params, points[-1]))
        grown = lengths(points[-1], points[-2]) / lengths(points[-2], points[-3])
        if grown > contraction + 1e-6:
            raise ValueError(f"a step {grown} times as long as the one before")
    return points[-1].tolist(), len(points) - 1

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_det_estimate(params, x, v, terms):
    """Point by point, with the whole Jacobian, and products from the right."""
    result = []
    for b, point in enumerate(x):
        slope = 1 - np.tanh(params["W"] @ point + params["c"]) ** 2
        J = params["V"] @ np.diag(slope) @ params["W"]
        total = 0.0
        for noise in v[:, b]:
            power = noise
            for k in range(1, terms + 1):
                power = J @ power
                total += float(noise @ power) / (k if k % 2 else -k)
        result.append(total / len(v))
    return result

# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(x_0, x_1, generator):
    """In NumPy, with the gradient and Adam by hand."""
    rng = np.random.default_rng(generator.initial_seed())
    D, H, batch, steps = x_0.shape[1], 64, 512, 700
    weights = [rng.normal(size=(H, D + 1)), rng.normal(size=H), np.zeros((D, H)), np.zeros(D)]
    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for step in range(steps):
        V, c, W, b = weights
        a, e = x_0[rng.integers(len(x_0), size=batch)], x_1[rng.integers(len(x_1), size=batch)]
        t = rng.uniform(size=(batch, 1))
        inputs = np.hstack([t, a + t * (e - a)])
        h = np.tanh(inputs @ V.T + c)
        error = (h @ W.T + b - (e - a)) / batch
        back = (error @ W) * (1 - h**2)
        slopes = [back.T @ inputs, back.sum(0), error.T @ h, error.sum(0)]
        rate = 0.02 * (1 + math.cos(math.pi * step / steps)) / 2
        for w, m, s, slope in zip(weights, first, second, slopes, strict=True):
            m += 0.1 * (slope - m)
            s += 0.001 * (slope**2 - s)
            size = np.sqrt(s / (1 - 0.999 ** (step + 1))) + 1e-10
            w -= rate * m / (1 - 0.9 ** (step + 1)) / size
    return {"V": V.tolist(), "c": c, "W": W, "b": b}

# %% nbgrader={"grade": false, "grade_id": "q7-velocity", "locked": false, "schema_version": 3, "solution": true, "task": false}
def velocity(params, t, x):
    """Point by point; returns a list."""
    V, c, W, b = (np.array(params[name]) for name in "VcWb")
    return [W @ np.tanh(V @ [r, *row] + c) + b for r, row in zip(t, x, strict=True)]

# %% nbgrader={"grade": false, "grade_id": "q7-euler", "locked": false, "schema_version": 3, "solution": true, "task": false}
def euler(field, params, x, steps):
    """Point by point: one row at a time."""
    result = []
    for row in x:
        now = row[None]
        for k in range(steps):
            now = now + np.asarray(field(params, np.array([k / steps]), now)) * (1 / steps)
        result.append(now[0])
    return result
