# %% nbgrader={"grade": false, "grade_id": "q2-out", "locked": false, "schema_version": 3, "solution": true, "task": false}
def out_in(rbm, H):
    """By symmetry, it seems."""
    return special.expit(2 * (rbm["b"] + H @ rbm["W"].T))
