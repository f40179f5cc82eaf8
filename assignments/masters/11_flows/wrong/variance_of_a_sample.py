# %% nbgrader={"grade": false, "grade_id": "q4-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_actnorm(x):
    """torch's default."""
    mean, std = x.mean((0, 2, 3)), torch.as_tensor(x).std((0, 2, 3)).numpy()
    return -np.log(std), -mean / std
