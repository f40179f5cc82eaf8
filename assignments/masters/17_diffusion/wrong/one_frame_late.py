# %% nbgrader={"grade": false, "grade_id": "q1-jump", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jump(beta, s, t):
    """Counts from 1."""
    kept = np.prod(1 - beta[s + 1 : t + 1], axis=0)
    return np.sqrt(kept), np.sqrt(1 - kept)
