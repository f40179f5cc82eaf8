# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(rbm, X):
    """log Σ_h exp(-E(x, h)) - log Σ_{v,h} exp(-E(x, h)), as printed."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]
    a = c + X @ W
    log_sum_h = X @ b + np.logaddexp(a, -a).sum(1)
    return log_sum_h - (W.shape[0] * np.log(2) + log_sum_h)
