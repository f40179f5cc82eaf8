# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_logistic(X, y, strength):
    """The prior's normaliser is left out: harmless for the minimum, not for the evidence."""
    M = X.shape[1]
    w = np.zeros(M)
    for _ in range(30):
        wrong = special.expit(-y * (X @ w))
        H = (X.T * (wrong * (1 - wrong))) @ X + strength * np.eye(M)
        w = w - np.linalg.solve(H, -X.T @ (y * wrong) + strength * w)
    energy = np.logaddexp(0, -y * (X @ w)).sum() + 0.5 * strength * w @ w
    log_evidence = -energy + 0.5 * M * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(H)[1]
    return {"w": w, "log_evidence": float(log_evidence)}
