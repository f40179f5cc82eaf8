# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jackknife(log_w):
    """A mean outside."""
    K = len(log_w)
    full = log_w.mean(0)
    others = [special.logsumexp(np.delete(log_w, i, axis=0), axis=0) for i in range(K)]
    less = np.mean(others, axis=0) - np.log(K - 1)
    return full, less, K * full - (K - 1) * less
