# %% nbgrader={"grade": false, "grade_id": "q3-waves", "locked": false, "schema_version": 3, "solution": true, "task": false}
def waves(q, k):
    """A plus."""
    a = q[0::2] * k[0::2] + q[1::2] * k[1::2]
    b = q[0::2] * k[1::2] + q[1::2] * k[0::2]
    return np.stack([a, b])
