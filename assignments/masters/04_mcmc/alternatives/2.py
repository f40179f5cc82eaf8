# %%
import math

# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heavy_tails(u, nu):
    """Row by row; the second number gives the radius, the first one the angle."""
    rows = []
    for turn, v in u.tolist():
        radius = math.sqrt(nu * ((1 - v) ** (-2 / nu) - 1))
        rows.append([radius * math.sin(2 * math.pi * turn), radius * math.cos(2 * math.pi * turn)])
    return np.array(rows)

# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def weigh(x, log_target, log_proposal):
    """Sums, written out."""
    n, D = x.shape
    log_w = [float(a - b) for a, b in zip(log_target, log_proposal, strict=True)]
    top = max(log_w)
    w = [math.exp(one - top) for one in log_w]
    total = sum(w)
    mean = [sum(w[i] * x[i, d] for i in range(n)) / total for d in range(D)]
    covariance = [
        [sum(w[i] * (x[i, d] - mean[d]) * (x[i, e] - mean[e]) for i in range(n)) / total for e in range(D)]
        for d in range(D)
    ]
    ess = total**2 / sum(one**2 for one in w)
    return {"mean": mean, "covariance": covariance, "log_evidence": top + math.log(total / n), "ess": ess}

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose(x, lags):
    """Chain by chain, in long double precision."""
    x = x.astype(np.longdouble)
    T, C = x.shape
    means = [sum(x[:, c]) / T for c in range(C)]
    W = sum((x[t, c] - means[c]) ** 2 for t in range(T) for c in range(C)) / (T - 1) / C
    V = sum((mean - sum(means) / C) ** 2 for mean in means) / (C - 1)
    gamma = [0] * (lags + 1)
    for k in range(lags + 1):
        for c in range(C):
            for t in range(T - k):
                gamma[k] += (x[t, c] - means[c]) * (x[t + k, c] - means[c]) / T / C
    variance = gamma[0] + 2 * sum(gamma[1:])  # of a chain's mean, times T
    return {
        "r_hat": np.sqrt(((T - 1) / T * W + V) / W),
        "tau": variance / gamma[0],
        "error": np.sqrt(variance / (T * C)),
    }

# %%
def step(score, x, momentum, size):
    """Half a drift, a kick, half a drift."""
    middle = x + size * momentum / 2
    momentum = momentum + size * score(middle)
    return middle + size * momentum / 2, momentum

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def trajectory(log_density, score, x, momentum, step_size, steps):
    """One step, and then the rest of the way."""
    here = np.sum(momentum**2, 1) / 2 - log_density(x)
    new_x, new_momentum = step(score, x, momentum, step_size)
    there = np.sum(new_momentum**2, 1) / 2 - log_density(new_x)
    if steps == 1:
        return {"x": new_x, "momentum": new_momentum, "log_ratio": here - there}
    rest = trajectory(log_density, score, new_x, new_momentum, step_size, steps - 1)
    return rest | {"log_ratio": here - there + rest["log_ratio"]}

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_walk(log_density, x, scale, steps, generator):
    """NumPy's numbers, from a generator that the given one seeds; the densities of a library."""
    rng = np.random.default_rng(generator.initial_seed())
    path = []
    for _ in range(steps):
        new = x * rng.lognormal(0, scale, size=len(x))
        there = -np.log(new) - 0.5 * (np.log(new / x) / scale) ** 2
        back = -np.log(x) - 0.5 * (np.log(x / new) / scale) ** 2
        ratio = np.exp(np.minimum(log_density(new) - log_density(x) + back - there, 0))
        accept = rng.uniform(size=len(x)) <= ratio + 1e-12
        x = np.where(accept, new, x)
        path.append(x)
    return path

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(x, y, generator):
    """Draws from the prior, many, of which some are drawn again by their likelihood."""
    n = 600_000
    rng = np.random.default_rng(generator.initial_seed())
    a, b, sigma = rng.normal(size=n), rng.normal(size=n), rng.exponential(size=n)
    log_w = np.zeros(n)
    for one, two in zip(x, y, strict=True):
        log_w -= 2.5 * np.log1p(((two - a - b * one) / sigma) ** 2 / 4) + np.log(sigma)
    below = np.cumsum(np.exp(log_w - log_w.max()))
    i = np.searchsorted(below / below[-1], (np.arange(20_000) + rng.uniform()) / 20_000)
    return np.array([a[i], b[i], sigma[i]]).T
