# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leave_one_out(x, bandwidth):
    """(2π)^½ in every dimension."""
    z = (x[:, None] - x) / bandwidth
    log_kernel = -0.5 * (z**2).sum(-1) - np.log(bandwidth).sum() - 0.5 * np.log(2 * np.pi)
    np.fill_diagonal(log_kernel, -np.inf)
    return special.logsumexp(log_kernel, axis=1) - np.log(len(x) - 1)
