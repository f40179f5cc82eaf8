# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate(mean, L, prior_mean, prior_std):
    """One of M."""
    ratio, away = L[:, 0, 0] / prior_std[0], (mean[:, 0] - prior_mean[0]) / prior_std[0]
    return (ratio**2 + away**2 - 1) / 2 - np.log(ratio)
