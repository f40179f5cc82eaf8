# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jackknife(log_w):
    """One maximum."""
    K = len(log_w)
    top = log_w.max()
    full = top + np.log(np.exp(log_w - top).mean(0))
    others = [top + np.log(np.exp(np.delete(log_w, i, axis=0) - top).sum(0)) for i in range(K)]
    less = np.mean(others, axis=0) - np.log(K - 1)
    return full, less, K * full - (K - 1) * less
