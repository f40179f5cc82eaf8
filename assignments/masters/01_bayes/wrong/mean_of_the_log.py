# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_predictive(log_lik):
    """The mean of the logarithms, for the logarithm of the mean."""
    return np.mean(log_lik, axis=0)
