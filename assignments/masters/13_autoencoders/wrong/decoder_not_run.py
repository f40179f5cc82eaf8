# %% nbgrader={"grade": false, "grade_id": "q4-terms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_terms(params, x, eps):
    """V is taken for 0."""
    mean, log_var = np.split(net(params["encoder"], x / 8 - 1), 2, axis=1)
    rate = (mean**2 + np.exp(log_var) - 1 - log_var).sum(1) / 2
    ways = special.gammaln(17) - special.gammaln(x + 1) - special.gammaln(17 - x)
    a = params["decoder"]["e"]
    return rate, -(ways + x * special.log_expit(a) + (16 - x) * special.log_expit(-a)).sum(1)


# %% nbgrader={"grade": false, "grade_id": "q4-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_gradient(params, x, eps):
    """The rate's part alone."""
    mean, log_var = np.split(net(params["encoder"], x / 8 - 1), 2, axis=1)
    return -mean, (1 - np.exp(log_var)) / 2
