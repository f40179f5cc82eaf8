# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_det_estimate(params, x, v, terms):
    """The slope of the sigmoid."""
    h = np.tanh(x @ params["W"].T + params["c"])
    w, total = v, 0.0
    for k in range(1, terms + 1):
        w = ((w @ params["V"]) * (h * (1 - h))) @ params["W"]  # vᵀJᵏ
        total = total - (-1) ** k / k * (w * v).sum(2).mean(0)
    return total
