# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heavy_tails(u, nu):
    """In torch; log(1 - u) and e^x - 1 are exact for small u."""
    u = torch.as_tensor(u)
    radius = torch.sqrt(nu * torch.expm1(-2 / nu * torch.log1p(-u[:, 0])))
    angle = 2 * torch.pi * u[:, 1]
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)

# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def weigh(x, log_target, log_proposal):
    """In torch; the numbers are tensors without dimensions."""
    x, log_w = torch.as_tensor(x), torch.as_tensor(log_target - log_proposal)
    share = torch.softmax(log_w, 0)
    away = x - share @ x
    return {
        "mean": share @ x,
        "covariance": torch.einsum("n,ni,nj->ij", share, away, away),
        "log_evidence": torch.logsumexp(log_w, 0) - np.log(len(x)),
        "ess": 1 / share.square().sum(),
    }

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose(x, lags):
    """In torch."""
    x = torch.tensor(x)
    T, C = x.shape
    W, V = x.var(0).mean(), x.mean(0).var()
    away = x - x.mean(0)
    gamma = torch.stack([(away[k:] * away[: T - k]).sum() for k in range(lags + 1)]) / (T * C)
    tau = 2 * gamma.sum() / gamma[0] - 1
    return {"r_hat": ((T - 1) / T + V / W).sqrt(), "tau": tau, "error": (gamma[0] * tau / T / C).sqrt()}

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def trajectory(log_density, score, x, momentum, step_size, steps):
    """Half a drift, then kicks and whole drifts in turn, and half a drift less at the end."""
    start = log_density(x) - (momentum * momentum).sum(1) / 2
    x = x + step_size / 2 * momentum
    for _ in range(steps):
        momentum = momentum + step_size * score(x)
        x = x + step_size * momentum
    x = x - step_size / 2 * momentum
    return {
        "x": x,
        "momentum": momentum,
        "log_ratio": log_density(x) - (momentum * momentum).sum(1) / 2 - start,
    }

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_walk(log_density, x, scale, steps, generator):
    """A symmetric walk of y = log x, whose density is that of x times e^y."""
    y, path = np.log(x), np.empty((steps, len(x)))
    log_p = log_density(x) + y
    for t in range(steps):
        new = y + scale * torch.randn(len(y), generator=generator, dtype=torch.float64).numpy()
        log_p_new = log_density(np.exp(new)) + new
        energy = torch.empty(len(y), dtype=torch.float64).exponential_(generator=generator).numpy()
        accept = log_p_new > log_p - energy
        y, log_p = np.where(accept, new, y), np.where(accept, log_p_new, log_p)
        path[t] = np.exp(y)
    return path

# %%
def log_posterior(theta, x, y):
    """log p(a, b, log σ | y) up to a constant, (n, 3) -> (n,)."""
    a, b, s = theta.T[:, :, None]
    z = (y - a - b * x) * np.exp(-s)
    log_lik = -(2.5 * np.log1p(z * z / 4) + s).sum(1)
    return log_lik - (a**2 + b**2)[:, 0] / 2 - np.exp(s[:, 0]) + s[:, 0]

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(x, y, generator):
    """Walkers that stretch towards one another (Goodman and Weare), in two halves."""
    rng = np.random.default_rng(generator.initial_seed())
    halves, draws = [rng.normal(size=(500, 3)) for _ in range(2)], []
    values = [log_posterior(half, x, y) for half in halves]
    for t in range(500):
        for i in range(2):
            stretch = (rng.uniform(1, 2, size=500)) ** 2 / 2
            other = halves[1 - i][rng.integers(500, size=500)]
            new = other + stretch[:, None] * (halves[i] - other)
            value = log_posterior(new, x, y)
            accept = np.log(rng.uniform(size=500)) < 2 * np.log(stretch) + value - values[i]
            halves[i] = np.where(accept[:, None], new, halves[i])
            values[i] = np.where(accept, value, values[i])
        if t >= 200 and t % 10 == 0:
            draws.extend(halves)
    draws = np.concatenate(draws)
    return np.column_stack([draws[:, :2], np.exp(draws[:, 2])])
