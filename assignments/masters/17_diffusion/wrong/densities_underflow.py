# %% nbgrader={"grade": false, "grade_id": "q6-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def guided_guess(law, w, z, alpha, sigma):
    """Underflow."""
    C = alpha**2 * law["covariances"] + sigma**2 * np.eye(z.shape[1])
    away = z[:, None] - alpha * law["means"]  # (B, C, D)
    pull = np.linalg.solve(C, away[..., None])[..., 0]
    moved = alpha * np.einsum("cde,bce->bcd", law["covariances"], pull)
    log_r = np.log(law["weights"]) - np.linalg.slogdet(C)[1] / 2 - (away * pull).sum(2) / 2
    every = np.exp(log_r) / np.exp(log_r).sum(1, keepdims=True)
    some = every * law["member"]
    some = some / some.sum(1, keepdims=True)
    return np.einsum("bc,bcd->bd", every + w * (some - every), law["means"] + moved)
