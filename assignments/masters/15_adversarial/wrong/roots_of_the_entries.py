# %% nbgrader={"grade": false, "grade_id": "q5-frechet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frechet(x, y):
    """NumPy's sqrt."""
    S, T = (np.atleast_2d(np.cov(one.T)) for one in (x, y))
    away = x.mean(0) - y.mean(0)
    return away @ away + np.trace(S + T - 2 * np.sqrt(np.abs(S @ T)))
