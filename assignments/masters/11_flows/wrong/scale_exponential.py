# %% nbgrader={"grade": false, "grade_id": "q2-there", "locked": false, "schema_version": 3, "solution": true, "task": false}
def couple(params, mask, x):
    """Another scale."""
    s, t = np.split(net(params, x * mask), 2, axis=1)
    z = np.where(mask, x, (x + t) * np.exp(s))
    return z, s[:, ~mask].sum(1)

# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def uncouple(params, mask, z):
    """Another scale."""
    s, t = np.split(net(params, z * mask), 2, axis=1)
    return np.where(mask, z, z / np.exp(s) - t)
