# %% nbgrader={"grade": false, "grade_id": "q5-share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ancestral_share(alpha, sigma, alpha_next, sigma_next):
    """β for the posterior."""
    return sigma / sigma_next * np.sqrt(1 - (alpha / alpha_next * sigma_next / sigma) ** 2)
