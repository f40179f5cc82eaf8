# %% nbgrader={"grade": false, "grade_id": "q6-stationary", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stationary(C, Q):
    """Patience."""
    law = np.full(len(C), 1 / len(C))
    for _ in range(1000):
        law = law @ C @ Q
    return law
