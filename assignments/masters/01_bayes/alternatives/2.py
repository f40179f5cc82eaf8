# %%
import math

# %%
def softplus(t):
    """log(1 + e^t) of a number."""
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))

# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_odds_posterior(u, k, n, a, b):
    """Number by number, in long double precision."""
    heads, tails = a + k, b + n - k
    log_constant = math.lgamma(heads + tails) - math.lgamma(heads) - math.lgamma(tails)
    result = np.empty(u.shape, dtype=np.longdouble)
    for index in np.ndindex(u.shape):
        result[index] = log_constant - heads * softplus(-u[index]) - tails * softplus(u[index])
    return result

# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_evidence_of_reports(heads, tosses, a, b):
    """Toss by toss: the prediction of each given those before it."""
    total = 0.0
    for k, n in zip(heads.tolist(), tosses.tolist(), strict=True):
        total += math.log(math.comb(n, k))
        for _ in range(k):
            total += math.log(a / (a + b))
            a += 1
        for _ in range(n - k):
            total += math.log(b / (a + b))
            b += 1
    return total

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gaussian_nll(y, mean, log_var):
    """Number by number; returns a list."""
    return [
        sum(
            0.5 * (math.log(2 * math.pi) + s + (a - m) ** 2 / math.exp(s))
            for a, m, s in zip(*rows, strict=True)
        )
        for rows in zip(y.tolist(), mean.tolist(), log_var.tolist(), strict=True)
    ]

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_predictive(log_lik):
    """Two at a time."""
    return np.logaddexp.reduce(log_lik.astype(np.longdouble), axis=0) - np.log(len(log_lik))

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(X, y, sigma, strength, n, generator):
    """Perturb the data and the prior's mean, and solve: no factor of the precision is needed."""
    N, M = X.shape
    noise = torch.randn(n, N + M, generator=generator, dtype=torch.float64).numpy()
    right = X.T @ y / sigma**2 + noise[:, :N] @ X / sigma + strength**0.5 * noise[:, N:]
    A = X.T @ X / sigma**2 + strength * np.eye(M)
    return np.linalg.solve(A, right.T).T

# %%
def derivatives(X, y, strength, w):
    """Gradient and second derivatives of the energy, row by row."""
    gradient, H = strength * w, strength * np.eye(len(w))
    for x_i, y_i in zip(X, y, strict=True):
        p = 1 / (1 + math.exp(y_i * float(x_i @ w)))
        gradient = gradient - p * y_i * x_i
        H = H + p * (1 - p) * np.outer(x_i, x_i)
    return gradient, H

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_logistic(X, y, strength):
    """Newton's method until nothing moves."""
    w, step = np.zeros(X.shape[1]), np.ones(X.shape[1])
    while np.abs(step).max() > 1e-10:
        gradient, H = derivatives(X, y, strength, w)
        step = np.linalg.solve(H, gradient)
        w = w - step
    energy = sum(softplus(float(t)) for t in -y * (X @ w)) + strength * (w @ w) / 2
    log_prior_constant = len(w) / 2 * math.log(strength / (2 * math.pi))
    log_width = len(w) / 2 * math.log(2 * math.pi) - math.log(np.linalg.det(H)) / 2
    return {"w": w.tolist(), "log_evidence": log_prior_constant - energy + log_width}
