# %% nbgrader={"grade": false, "grade_id": "q1-solve", "locked": false, "schema_version": 3, "solution": true, "task": false}
def equilibrium(A):
    """The safest row and the safest column."""
    i, j = A.min(1).argmax(), A.max(0).argmin()
    return np.eye(A.shape[0])[i], np.eye(A.shape[1])[j], A.min(1)[i]
