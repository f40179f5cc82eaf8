# %% nbgrader={"grade": false, "grade_id": "q2-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def natural_step(x, mean, W, law, step_size):
    """All parts as high as any."""
    s = (x - mean) @ W.T
    u = (s[:, :, None] - law["means"]) / law["stds"]
    share = special.softmax(np.log(law["weights"]) - u**2 / 2, axis=2)
    psi = -(share * u / law["stds"]).sum(2)
    return W + step_size * (np.eye(len(W)) + psi.T @ s / len(x)) @ W
