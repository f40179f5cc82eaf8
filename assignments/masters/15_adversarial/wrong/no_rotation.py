# %% nbgrader={"grade": false, "grade_id": "q4-eigenvalues", "locked": false, "schema_version": 3, "solution": true, "task": false}
def eigenvalues(c, gamma):
    """Both pull the same way."""
    return np.linalg.eigvals(np.array([[0, 0.5], [0.5, -(c**2) / 2 - gamma]])).astype(complex)
