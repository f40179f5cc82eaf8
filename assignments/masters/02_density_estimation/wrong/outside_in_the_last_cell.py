# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_histogram(x, data, edges, smoothing):
    """The index is clipped, and so the density never ends."""
    count = np.histogram(data, edges)[0] + smoothing
    with np.errstate(divide="ignore"):
        log_p = np.log(count / count.sum() / np.diff(edges))
    return log_p[np.clip(np.searchsorted(edges, x) - 1, 0, len(count) - 1)]
