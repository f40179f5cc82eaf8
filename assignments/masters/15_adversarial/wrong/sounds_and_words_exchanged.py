# %% nbgrader={"grade": false, "grade_id": "q6-denoiser", "locked": false, "schema_version": 3, "solution": true, "task": false}
def right_denoiser(p, C):
    """Transposed."""
    joint = (p[:, None] * C).T
    heard = joint.sum(1, keepdims=True)
    return np.where(heard > 0, joint / np.where(heard > 0, heard, 1), p).T
