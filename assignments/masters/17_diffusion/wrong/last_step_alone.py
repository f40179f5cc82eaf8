# %% nbgrader={"grade": false, "grade_id": "q1-jump", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jump(beta, s, t):
    """α for ᾱ."""
    kept = 1 - beta[t - 1]
    return np.sqrt(kept), np.sqrt(1 - kept)
