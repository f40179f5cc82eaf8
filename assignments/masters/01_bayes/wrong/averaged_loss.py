# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_logistic(X, y, strength):
    """The loss is averaged over the data and the regulariser is not: λ counts N times."""
    N, M = X.shape
    w = np.zeros(M)
    for _ in range(30):
        wrong = special.expit(-y * (X @ w))
        gradient = -X.T @ (y * wrong) / N + strength * w
        H = (X.T * (wrong * (1 - wrong))) @ X / N + strength * np.eye(M)
        w = w - np.linalg.solve(H, gradient)
    energy = np.logaddexp(0, -y * (X @ w)).mean() + 0.5 * strength * w @ w
    log_evidence = -energy + 0.5 * M * np.log(strength) - 0.5 * np.linalg.slogdet(H)[1]
    return {"w": w, "log_evidence": float(log_evidence)}
