# %% nbgrader={"grade": false, "grade_id": "q6-stationary", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stationary(C, Q):
    """π_k / π_0 = P_0k / P_k0."""
    P = C @ Q
    law = P[0] / P[:, 0]
    return law / law.sum()
