# %% nbgrader={"grade": false, "grade_id": "q2-there", "locked": false, "schema_version": 3, "solution": true, "task": false}
def couple(params, mask, x):
    """The mean of the logarithms, not their sum."""
    s, t = np.split(net(params, x * mask), 2, axis=1)
    z = np.where(mask, x, (x + t) * special.expit(s + 2))
    return z, special.log_expit(s + 2)[:, ~mask].mean(1)
