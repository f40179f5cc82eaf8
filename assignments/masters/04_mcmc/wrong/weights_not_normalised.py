# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def weigh(x, log_target, log_proposal):
    """Right if Z is 1, and if n is large."""
    log_w = log_target - log_proposal
    top = log_w.max()
    w = np.exp(log_w - top)
    share = np.exp(log_w) / len(log_w)
    mean = share @ x
    return {
        "mean": mean,
        "covariance": (share[:, None] * (x - mean)).T @ (x - mean),
        "log_evidence": float(top + np.log(w.mean())),
        "ess": float(1 / (share**2).sum()),
    }
