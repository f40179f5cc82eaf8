# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate(mean, L, prior_mean, prior_std):
    """From the prior to q."""
    Q = L @ np.swapaxes(L, 1, 2)
    inverse, away = np.linalg.inv(Q), mean - prior_mean
    trace = (np.diagonal(inverse, axis1=1, axis2=2) * prior_std**2).sum(1)
    square = np.einsum("bi,bij,bj->b", away, inverse, away)
    log_det = np.linalg.slogdet(Q)[1] - 2 * np.log(prior_std).sum()
    return (trace + square - len(prior_std) + log_det) / 2
