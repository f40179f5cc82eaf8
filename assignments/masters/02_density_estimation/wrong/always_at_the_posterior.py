# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_and_gap(log_joint, q):
    """What the posterior would give."""
    return {"bound": special.logsumexp(log_joint, axis=1), "gap": np.zeros(len(log_joint))}
