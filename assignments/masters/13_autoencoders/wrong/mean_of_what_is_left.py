# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jackknife(log_w):
    """A logarithm too late."""
    K = len(log_w)
    full = special.logsumexp(log_w, axis=0) - np.log(K)
    others = [special.logsumexp(np.delete(log_w, i, axis=0), axis=0) for i in range(K)]
    less = special.logsumexp(others, axis=0) - np.log(K) - np.log(K - 1)
    return full, less, K * full - (K - 1) * less
