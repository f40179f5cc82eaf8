# %% nbgrader={"grade": false, "grade_id": "q5-share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ancestral_share(alpha, sigma, alpha_next, sigma_next):
    """The chapter's films."""
    sigma, sigma_next = (np.sqrt(max(1 - a**2, 0)) for a in (alpha, alpha_next))
    return np.sqrt(1 - (alpha * sigma_next / (alpha_next * sigma)) ** 2)
