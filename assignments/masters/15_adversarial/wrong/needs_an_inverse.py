# %% nbgrader={"grade": false, "grade_id": "q5-frechet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frechet(x, y):
    """Right for covariances that can be inverted."""
    S, T = (np.linalg.cholesky(np.atleast_2d(np.cov(one.T))) for one in (x, y))
    away, root = x.mean(0) - y.mean(0), np.linalg.svd(S.T @ T)[1].sum()
    return away @ away + (S**2).sum() + (T**2).sum() - 2 * root
