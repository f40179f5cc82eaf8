# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate(mean, L, prior_mean, prior_std):
    """Nothing mended."""
    spread = np.diagonal(L, axis1=1, axis2=2) ** 2
    kl = (spread + (mean - prior_mean) ** 2) / prior_std - 1
    kl = kl - np.log(spread) + np.log(prior_std)
    return 0.5 * kl.mean(1)
