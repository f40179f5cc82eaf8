# %% nbgrader={"grade": false, "grade_id": "q7-ratio", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_ratio(params, x):
    """d for D."""
    return special.expit(net(params, x)[:, 0])
