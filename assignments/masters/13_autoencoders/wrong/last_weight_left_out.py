# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jackknife(log_w):
    """One of the K bounds."""
    K = len(log_w)
    full = special.logsumexp(log_w, axis=0) - np.log(K)
    others = [special.logsumexp(np.delete(log_w, i, axis=0), axis=0) for i in range(K)]
    less = others[-1] - np.log(K - 1)
    return full, less, K * full - (K - 1) * less
