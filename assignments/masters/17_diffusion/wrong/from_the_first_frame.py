# %% nbgrader={"grade": false, "grade_id": "q1-jump", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jump(beta, s, t):
    """ᾱ for a part of it."""
    kept = np.prod(1 - beta[:t], axis=0)
    return np.sqrt(kept), np.sqrt(1 - kept)
