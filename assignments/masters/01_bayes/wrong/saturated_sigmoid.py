# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_odds_posterior(u, k, n, a, b):
    """Right on paper: far out, θ rounds to 0 or 1 and its logarithm is infinite."""
    theta = special.expit(u)
    return stats.beta(a + k, b + n - k).logpdf(theta) + np.log(theta) + np.log(1 - theta)
