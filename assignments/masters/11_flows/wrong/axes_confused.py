# %% nbgrader={"grade": false, "grade_id": "q4-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_actnorm(x):
    """Over channels and places, one pair for each image."""
    mean, std = x.mean((1, 2, 3)), x.std((1, 2, 3))
    return -np.log(std), -mean / std
