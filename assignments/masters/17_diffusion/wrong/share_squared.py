# %% nbgrader={"grade": false, "grade_id": "q5-share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ancestral_share(alpha, sigma, alpha_next, sigma_next):
    """A variance."""
    return 1 - (alpha * sigma_next / (alpha_next * sigma)) ** 2
