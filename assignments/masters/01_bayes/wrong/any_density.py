# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_odds_posterior(u, k, n, a, b):
    """The standard normal density."""
    return stats.norm.logpdf(u)
