# %% nbgrader={"grade": false, "grade_id": "q1-jump", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jump(beta, s, t):
    """The power for the factor."""
    kept = np.prod(1 - beta[s:t], axis=0)
    return kept, np.sqrt(1 - kept)
