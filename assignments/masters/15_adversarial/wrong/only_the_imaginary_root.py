# %% nbgrader={"grade": false, "grade_id": "q4-eigenvalues", "locked": false, "schema_version": 3, "solution": true, "task": false}
def eigenvalues(c, gamma):
    """Always a pair of conjugates."""
    half = (c**2 / 2 + gamma) / 2
    root = 1j * np.sqrt(abs(half**2 - 0.25))
    return np.array([-half + root, -half - root])
