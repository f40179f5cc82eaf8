# %% nbgrader={"grade": false, "grade_id": "q4-eigenvalues", "locked": false, "schema_version": 3, "solution": true, "task": false}
def eigenvalues(c, gamma):
    """The formula, not quite."""
    damping = c**2 / 2 + gamma
    root = np.sqrt(complex(damping**2 / 4 - 0.25))
    return np.array([-damping + root, -damping - root])
