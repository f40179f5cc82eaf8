# %% nbgrader={"grade": false, "grade_id": "q1-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_plane(x, weights, M):
    """In the order of another function, smallest first."""
    w = weights / weights.sum()
    mean = w @ x
    _, singular, axes = np.linalg.svd(np.sqrt(w)[:, None] * (x - mean), full_matrices=False)
    singular, axes = singular[::-1], axes[::-1]
    variances = singular**2
    noise = variances[M:].sum() / (x.shape[1] - M)
    return mean, axes[:M].T * np.sqrt(abs(variances[:M] - noise)), noise
