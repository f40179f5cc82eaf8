# %% nbgrader={"grade": false, "grade_id": "q1-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_plane(x, weights, M):
    """No decomposition: variances of pixels."""
    mean = np.average(x, axis=0, weights=weights)
    variances = np.average((x - mean) ** 2, axis=0, weights=weights)
    order = np.argsort(-variances)
    noise = variances[order[M:]].mean()
    return mean, np.eye(len(mean))[:, order[:M]] * np.sqrt(variances[order[:M]] - noise), noise
