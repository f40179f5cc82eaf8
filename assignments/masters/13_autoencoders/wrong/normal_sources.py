# %% nbgrader={"grade": false, "grade_id": "q2-law", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ica_log_prob(x, mean, W, law):
    """Two moments of each source."""
    m = (law["weights"] * law["means"]).sum(1)
    v = (law["weights"] * (law["stds"] ** 2 + law["means"] ** 2)).sum(1) - m**2
    s = (x - mean) @ W.T
    log_f = -((s - m) ** 2) / v / 2 - np.log(2 * np.pi * v) / 2
    return np.linalg.slogdet(W)[1] + log_f.sum(1)


# %% nbgrader={"grade": false, "grade_id": "q2-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def natural_step(x, mean, W, law, step_size):
    """Two moments of each source."""
    m = (law["weights"] * law["means"]).sum(1)
    v = (law["weights"] * (law["stds"] ** 2 + law["means"] ** 2)).sum(1) - m**2
    s = (x - mean) @ W.T
    return W + step_size * (np.eye(len(W)) - ((s - m) / v).T @ s / len(x)) @ W
