# %%
import math


def log_beta(a, b):
    """log B(a, b) of two numbers."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_odds_posterior(u, k, n, a, b):
    """In torch, whose logarithm of the sigmoid holds far out."""
    u, heads, tails = torch.as_tensor(u), a + k, b + n - k
    logsigmoid = torch.nn.functional.logsigmoid
    return heads * logsigmoid(u) + tails * logsigmoid(-u) - log_beta(heads, tails)

# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_evidence_of_reports(heads, tosses, a, b):
    """With torch's gamma function; returns a tensor without dimensions."""
    k, n = (torch.as_tensor(x, dtype=torch.float64) for x in (heads, tosses))
    orders = torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    k, n = float(k.sum()), float(n.sum())
    return orders.sum() + log_beta(a + k, b + n - k) - log_beta(a, b)

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gaussian_nll(y, mean, log_var):
    """A library's loss, for its variance, with its constant."""
    y, mean, log_var = (torch.as_tensor(x) for x in (y, mean, log_var))
    loss = torch.nn.functional.gaussian_nll_loss
    return loss(mean, y, log_var.exp(), full=True, reduction="none").sum(-1)

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_predictive(log_lik):
    """Returns a tensor."""
    return torch.logsumexp(torch.tensor(log_lik), 0) - math.log(len(log_lik))

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(X, y, sigma, strength, n, generator):
    """By eigenvectors, with noise in single precision."""
    values, Q = np.linalg.eigh(X.T @ X / sigma**2 + strength * np.eye(X.shape[1]))
    mean = Q @ (Q.T @ (X.T @ y) / values) / sigma**2
    noise = torch.randn(n, X.shape[1], generator=generator).numpy()
    return mean + noise / np.sqrt(values) @ Q.T

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_logistic(X, y, strength):
    """Automatic derivatives, and another optimiser."""
    X, y = torch.as_tensor(X), torch.as_tensor(y)
    M = X.shape[1]

    def energy(w):
        return torch.nn.functional.softplus(-y * (X @ w)).sum() + 0.5 * strength * w @ w

    w = torch.zeros(M, dtype=torch.float64, requires_grad=True)
    settings = {"max_iter": 500, "tolerance_grad": 1e-10, "tolerance_change": 1e-15}
    optimizer = torch.optim.LBFGS([w], line_search_fn="strong_wolfe", **settings)

    def closure():
        optimizer.zero_grad()
        loss = energy(w)
        loss.backward()
        return loss

    optimizer.step(closure)
    H = torch.autograd.functional.hessian(energy, w.detach())
    log_evidence = -energy(w) + 0.5 * M * math.log(strength) - 0.5 * torch.logdet(H)
    return {"w": w, "log_evidence": log_evidence}
