# %% nbgrader={"grade": false, "grade_id": "q2-init", "locked": false, "schema_version": 3, "solution": true, "task": false}
def init_rbm(p, q, generator):
    """Weights from somewhere."""
    return {"W": np.random.normal(scale=0.01, size=(p, q)), "b": np.zeros(p), "c": np.zeros(q)}
