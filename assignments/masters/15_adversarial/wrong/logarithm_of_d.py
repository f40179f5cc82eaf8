# %% nbgrader={"grade": false, "grade_id": "q7-ratio", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_ratio(params, x):
    """log σ(D)."""
    return special.log_expit(net(params, x)[:, 0])
