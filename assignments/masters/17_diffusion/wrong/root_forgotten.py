# %% nbgrader={"grade": false, "grade_id": "q1-jump", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jump(beta, s, t):
    """The variance for the deviation."""
    kept = np.prod(1 - beta[s:t], axis=0)
    return np.sqrt(kept), 1 - kept
