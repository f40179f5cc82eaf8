# %% nbgrader={"grade": false, "grade_id": "q4-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_gradient(params, x, eps):
    """R times the pull."""
    mean, log_var = np.split(net(params["encoder"], x / 8 - 1), 2, axis=1)
    std, decoder = np.exp(log_var / 2), params["decoder"]
    h = np.tanh((mean + std * eps) @ decoder["W"].T + decoder["c"])
    error = x - 16 * special.expit(h @ decoder["V"].T + decoder["e"])  # ∂ log p / ∂a
    slope = (error @ decoder["V"] * (1 - h**2)) @ decoder["W"]  # ∂ log p / ∂z
    pull = (slope * eps).sum(0) * std / 2
    return slope.sum(0) - mean, pull - (std**2 - 1) / 2
