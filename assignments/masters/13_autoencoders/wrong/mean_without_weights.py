# %% nbgrader={"grade": false, "grade_id": "q1-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_plane(x, weights, M):
    """The plain mean."""
    w = weights / weights.sum()
    mean = x.mean(0)
    _, singular, axes = np.linalg.svd(np.sqrt(w)[:, None] * (x - mean), full_matrices=False)
    variances = singular**2
    noise = variances[M:].sum() / (x.shape[1] - M)
    return mean, axes[:M].T * np.sqrt(variances[:M] - noise), noise
