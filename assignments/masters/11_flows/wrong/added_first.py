# %% nbgrader={"grade": false, "grade_id": "q4-layer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def actnorm(x, s, b):
    """The shift inside."""
    B, _, H, W = x.shape
    return np.exp(s)[:, None, None] * (x + b[:, None, None]), np.full(B, H * W * s.sum())
