# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(x, W, b):
    """As if every x came from z = 0."""
    return np.full(len(x), -len(b) * np.log(2 * np.pi) / 2 - np.linalg.slogdet(W)[1])
