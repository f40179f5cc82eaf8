# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_histogram(x, data, edges, smoothing):
    """The width of the cell is forgotten."""
    count = np.histogram(data, edges)[0] + smoothing
    with np.errstate(divide="ignore"):
        log_p = np.log(count / count.sum())
    cell = np.searchsorted(edges, x, side="right") - 1
    inside = (cell >= 0) & (cell < len(count))
    return np.where(inside, log_p[np.clip(cell, 0, len(count) - 1)], -np.inf)
