# %% nbgrader={"grade": false, "grade_id": "q1-between", "locked": false, "schema_version": 3, "solution": true, "task": false}
def between(beta, s, t, x, z):
    """A precision."""
    before, kept = np.prod(1 - beta[:s], axis=0), np.prod(1 - beta[s:t], axis=0)
    left = 1 - before * kept
    mean = np.sqrt(before) * (1 - kept) / left * x + np.sqrt(kept) * (1 - before) / left * z
    return mean, left / np.maximum((1 - before) * (1 - kept), 1e-300)
