# %% nbgrader={"grade": false, "grade_id": "q6-stationary", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stationary(C, Q):
    """As the library returns it."""
    values, vectors = np.linalg.eig((C @ Q).T)
    return np.abs(vectors[:, np.argmin(abs(values - 1))].real)
