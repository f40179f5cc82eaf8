# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leave_one_out(x, bandwidth):
    """Distance zero is taken for the point itself; its twin is left out as well."""
    z = (x[:, None] - x) / bandwidth
    log_kernel = -0.5 * (z**2).sum(-1) - np.log(bandwidth * np.sqrt(2 * np.pi)).sum()
    log_kernel[(z == 0).all(-1)] = -np.inf
    return special.logsumexp(log_kernel, axis=1) - np.log(len(x) - 1)
