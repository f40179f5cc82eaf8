# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def uncouple(params, mask, z):
    """All of z goes in."""
    s, t = np.split(net(params, z), 2, axis=1)
    return np.where(mask, z, z / special.expit(s + 2) - t)
