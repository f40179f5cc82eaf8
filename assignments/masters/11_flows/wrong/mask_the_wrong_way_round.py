# %% nbgrader={"grade": false, "grade_id": "q2-there", "locked": false, "schema_version": 3, "solution": true, "task": false}
def couple(params, mask, x):
    """The mask says who is moved."""
    s, t = np.split(net(params, x * ~mask), 2, axis=1)
    z = np.where(mask, (x + t) * special.expit(s + 2), x)
    return z, special.log_expit(s + 2)[:, mask].sum(1)

# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def uncouple(params, mask, z):
    """The mask says who is moved."""
    s, t = np.split(net(params, z * ~mask), 2, axis=1)
    return np.where(mask, z / special.expit(s + 2) - t, z)
