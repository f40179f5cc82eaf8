# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_chain(x, levels, smoothing):
    """Two images."""
    return np.array([0.5, 0.5]), np.array([[0, 1], [0.5, 0.5]])
