# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jackknife(log_w):
    """K = 2."""
    full = np.logaddexp(log_w[0], log_w[1]) - np.log(2)
    less = (log_w[0] + log_w[1]) / 2
    return full, less, 2 * full - less
