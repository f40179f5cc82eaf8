# %% nbgrader={"grade": false, "grade_id": "q2-in", "locked": false, "schema_version": 3, "solution": true, "task": false}
def in_out(rbm, X):
    """The logistic function, written out."""
    e = np.exp(2 * (rbm["c"] + X @ rbm["W"]))
    return e / (1 + e)
