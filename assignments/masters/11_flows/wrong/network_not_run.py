# %% nbgrader={"grade": false, "grade_id": "q2-there", "locked": false, "schema_version": 3, "solution": true, "task": false}
def couple(params, mask, x):
    """The biases alone."""
    s, t = np.split(np.tile(params["e"], (len(x), 1)), 2, axis=1)
    z = np.where(mask, x, (x + t) * special.expit(s + 2))
    return z, special.log_expit(s + 2)[:, ~mask].sum(1)

# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def uncouple(params, mask, z):
    """The biases alone."""
    s, t = np.split(np.tile(params["e"], (len(z), 1)), 2, axis=1)
    return np.where(mask, z, z / special.expit(s + 2) - t)
