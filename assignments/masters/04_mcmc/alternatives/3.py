# %%
from scipy import special

# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heavy_tails(u, nu):
    """A point of the complex plane, in single precision."""
    u = u.astype(np.float32)
    law = stats.f(2, nu)  # of half the squared radius
    z = np.sqrt(2 * law.ppf(u[:, 0])) * np.exp(2j * np.pi * u[:, 1])
    return np.stack([z.real, z.imag], axis=-1).astype(np.float32)

# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def weigh(x, log_target, log_proposal):
    """With library functions for weighted means and covariances."""
    log_w = log_target - log_proposal
    total = special.logsumexp(log_w)
    share = np.exp(log_w - total)
    return {
        "mean": np.average(x, axis=0, weights=share),
        "covariance": np.atleast_2d(np.cov(x, rowvar=False, aweights=share, ddof=0)),
        "log_evidence": total - np.log(len(x)),
        "ess": np.exp(2 * total - special.logsumexp(2 * log_w)),
    }

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose(x, lags):
    """All products at once, by a Fourier transform."""
    T, C = x.shape
    away = x - x.mean(axis=0, keepdims=True)
    power = np.abs(np.fft.rfft(away, 2 * T, axis=0)) ** 2
    gamma = np.fft.irfft(power, axis=0)[: lags + 1].mean(1) / T
    W = stats.tvar(x, axis=0).mean()
    tau = np.dot(gamma, [1] + lags * [2]) / gamma[0]
    return {
        "r_hat": np.sqrt(1 - 1 / T + np.var(x.mean(0), ddof=1) / W),
        "tau": tau,
        "error": np.sqrt(gamma[0] * tau / x.size),
    }

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def trajectory(log_density, score, x, momentum, step_size, steps):
    """Chain by chain, on copies."""
    result = {"x": x.copy(), "momentum": momentum.copy(), "log_ratio": []}
    for place, r in zip(result["x"], result["momentum"], strict=True):
        before = log_density(place[None])[0] - r @ r / 2
        for _ in range(steps):
            place += step_size / 2 * r
            r += step_size * score(place[None])[0]
            place += step_size / 2 * r
        result["log_ratio"].append(log_density(place[None])[0] - r @ r / 2 - before)
    return result

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_walk(log_density, x, scale, steps, generator):
    """All random numbers beforehand, some in single precision."""
    noise = scale * torch.randn(steps, len(x), generator=generator).double().numpy()
    log_u = torch.log(torch.rand(steps, len(x), generator=generator, dtype=torch.float64)).numpy()
    path = np.zeros((steps + 1, len(x)))
    path[0] = x
    for t in range(steps):
        new = path[t] * np.exp(noise[t])
        refuse = log_u[t] > log_density(new) - log_density(path[t]) + noise[t]
        path[t + 1] = np.where(refuse, path[t], new)
    return path[1:]

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(x, y, generator):
    """A grid of (a, b, log σ), and draws from its cells."""
    line, height = np.linspace(-4, 4, 81), np.linspace(-8, 2.5, 85)
    a, b, s = np.meshgrid(line, line, height, indexing="ij")
    log_p = s - np.exp(s) - 0.5 * (a**2 + b**2)
    for one, two in zip(x, y, strict=True):
        log_p -= s + 2.5 * np.log1p((two - a - b * one) ** 2 * np.exp(-2 * s) / 4)
    p = torch.as_tensor(np.exp(log_p - log_p.max())).flatten()
    cells = torch.multinomial(p, 20_000, replacement=True, generator=generator)
    draws = np.stack([q.ravel()[cells.numpy()] for q in (a, b, s)], 1)
    jitter = torch.rand(20_000, 3, generator=generator).numpy() - 0.5
    draws += jitter * [line[1] - line[0], line[1] - line[0], height[1] - height[0]]
    draws[:, 2] = np.exp(draws[:, 2])
    return draws
