# %% nbgrader={"grade": false, "grade_id": "q7-policy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def policy_log_probs(params, y):
    """A mean."""
    return params["first"][y[:, 0]] + params["then"][y[:, :-1], y[:, 1:]].mean(1)
