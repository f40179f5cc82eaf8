# %% nbgrader={"grade": false, "grade_id": "q2-init", "locked": false, "schema_version": 3, "solution": true, "task": false}
def init_rbm(p, q, generator):
    """Begins with nothing."""
    return {"W": np.zeros((p, q)), "b": np.zeros(p), "c": np.zeros(q)}
