# %% nbgrader={"grade": false, "grade_id": "q4-eigenvalues", "locked": false, "schema_version": 3, "solution": true, "task": false}
def eigenvalues(c, gamma):
    """Half of the damping."""
    return np.linalg.eigvals(np.array([[0, 0.5], [-0.5, -(c**2) / 4 - gamma]])).astype(complex)
