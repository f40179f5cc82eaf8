# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_odds_posterior(u, k, n, a, b):
    """The posterior of θ at θ(u): the factor |dθ/du| is forgotten."""
    heads, tails = a + k - 1, b + n - k - 1
    log_theta, log_rest = -np.logaddexp(0, -u), -np.logaddexp(0, u)
    return heads * log_theta + tails * log_rest - special.betaln(heads + 1, tails + 1)
