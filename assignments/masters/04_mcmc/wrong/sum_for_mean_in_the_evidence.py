# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def weigh(x, log_target, log_proposal):
    """log n is forgotten."""
    log_w = log_target - log_proposal
    top = log_w.max()
    w = np.exp(log_w - top)
    share = w / w.sum()
    mean = share @ x
    return {
        "mean": mean,
        "covariance": (share[:, None] * (x - mean)).T @ (x - mean),
        "log_evidence": float(top + np.log(w.sum())),
        "ess": float(1 / (share**2).sum()),
    }
