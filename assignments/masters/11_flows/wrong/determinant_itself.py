# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_det_estimate(params, x, v, terms):
    """The exact log-determinant."""
    h = np.tanh(x @ params["W"].T + params["c"])
    J = np.einsum("dm,bm,me->bde", params["V"], 1 - h**2, params["W"])
    return np.linalg.slogdet(np.eye(x.shape[1]) + J)[1]
