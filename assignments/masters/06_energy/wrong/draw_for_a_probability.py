# %% nbgrader={"grade": false, "grade_id": "q2-out", "locked": false, "schema_version": 3, "solution": true, "task": false}
def out_in(rbm, H):
    """Draws."""
    p = special.expit(rbm["b"] + H @ rbm["W"].T)
    return (np.random.default_rng(0).uniform(size=p.shape) < p).astype(float)
