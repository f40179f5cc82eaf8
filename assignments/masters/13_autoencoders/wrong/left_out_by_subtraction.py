# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jackknife(log_w):
    """Each weight subtracted from the sum."""
    K, top = len(log_w), log_w.max(0)
    w = np.exp(log_w - top)
    full = top + np.log(w.sum(0)) - np.log(K)
    less = (top + np.log(w.sum(0) - w)).mean(0) - np.log(K - 1)
    return full, less, K * full - (K - 1) * less
