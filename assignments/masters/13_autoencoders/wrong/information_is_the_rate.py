# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split_rate(mean, std):
    """The rate, at most log N."""
    rate = (mean**2 + std**2 - 1 - 2 * np.log(std)).mean(0) / 2
    information = np.minimum(rate, np.log(len(mean)))
    return rate, information, rate - information
