# %% nbgrader={"grade": false, "grade_id": "q1-law", "locked": false, "schema_version": 3, "solution": true, "task": false}
def factor_log_prob(x, mean, G, noise):
    """The density of a normal law, from SciPy."""
    from scipy import stats

    return stats.multivariate_normal(mean, G @ G.T + np.diag(noise**2)).logpdf(x)
