# %% nbgrader={"grade": false, "grade_id": "q2-in", "locked": false, "schema_version": 3, "solution": true, "task": false}
def in_out(rbm, X):
    """As in the lecture."""
    return special.expit(rbm["c"] + X @ rbm["W"])
