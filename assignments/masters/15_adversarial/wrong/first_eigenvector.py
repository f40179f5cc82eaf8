# %% nbgrader={"grade": false, "grade_id": "q6-stationary", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stationary(C, Q):
    """Libraries do not sort."""
    v = np.linalg.eigh((C @ Q + (C @ Q).T) / 2)[1][:, -1]
    v = (
        np.linalg.eig((C @ Q).T)[1][:, -1].real
        if len(C) > 2
        else np.linalg.svd((C @ Q).T - np.eye(2))[2][-1]
    )
    return v / v.sum()
