# %% nbgrader={"grade": false, "grade_id": "q4-eigenvalues", "locked": false, "schema_version": 3, "solution": true, "task": false}
def eigenvalues(c, gamma):
    """σ(0) is 1/2."""
    return np.linalg.eigvals(np.array([[0, 1.0], [-1.0, -(c**2) / 2 - gamma]])).astype(complex)
