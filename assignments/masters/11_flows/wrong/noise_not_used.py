# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_det_estimate(params, x, v, terms):
    """The traces themselves."""
    h = np.tanh(x @ params["W"].T + params["c"])
    J = np.einsum("dm,bm,me->bde", params["V"], 1 - h**2, params["W"])
    powers, total = np.eye(x.shape[1]), 0.0
    for k in range(1, terms + 1):
        powers = powers @ J
        total = total - (-1) ** k / k * np.trace(powers, axis1=1, axis2=2)
    return total
