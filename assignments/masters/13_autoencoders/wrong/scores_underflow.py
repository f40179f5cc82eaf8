# %% nbgrader={"grade": false, "grade_id": "q2-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def natural_step(x, mean, W, law, step_size):
    """Densities that are too small."""
    s = (x - mean) @ W.T
    u = (s[:, :, None] - law["means"]) / law["stds"]
    share = law["weights"] / law["stds"] * np.exp(-(u**2) / 2)
    share = share / share.sum(2, keepdims=True)
    psi = -(share * u / law["stds"]).sum(2)
    return W + step_size * (np.eye(len(W)) + psi.T @ s / len(x)) @ W
