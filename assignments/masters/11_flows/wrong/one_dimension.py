# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_det_estimate(params, x, v, terms):
    """J as a number."""
    a = (params["V"] @ params["W"])[0, 0]
    series = sum(-((-a) ** k) / k for k in range(1, terms + 1))
    return series * (v[0] ** 2).sum(1)
