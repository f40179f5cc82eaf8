# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_det_estimate(params, x, v, terms):
    """One Jacobian."""
    h = np.tanh(x[:1] @ params["W"].T + params["c"])
    w, total = v, 0.0
    for k in range(1, terms + 1):
        w = ((w @ params["V"]) * (1 - h**2)) @ params["W"]  # vᵀJᵏ
        total = total - (-1) ** k / k * (w * v).sum(2).mean(0)
    return total
