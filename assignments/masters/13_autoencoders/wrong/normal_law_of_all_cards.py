# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split_rate(mean, std):
    """Two moments of the mixture."""
    rate = (mean**2 + std**2 - 1 - 2 * np.log(std)).mean(0) / 2
    variance = (std**2 + mean**2).mean(0) - mean.mean(0) ** 2
    mismatch = (mean.mean(0) ** 2 + variance - 1 - np.log(variance)) / 2
    return rate, rate - mismatch, mismatch
