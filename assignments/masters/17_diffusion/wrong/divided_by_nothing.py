# %% nbgrader={"grade": false, "grade_id": "q1-between", "locked": false, "schema_version": 3, "solution": true, "task": false}
def between(beta, s, t, x, z):
    """No case for the first frame."""
    before, kept = np.prod(1 - beta[:s], axis=0), np.prod(1 - beta[s:t], axis=0)
    of_x, of_z = 1 / (1 - before), kept / (1 - kept)
    mean = (of_x * np.sqrt(before) * x + of_z * z / np.sqrt(kept)) / (of_x + of_z)
    return mean, 1 / (of_x + of_z)
