# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate(mean, L, prior_mean, prior_std):
    """Without the half."""
    spread = (L**2).sum(2)  # the diagonal of L Lᵀ
    kl = (spread + (mean - prior_mean) ** 2) / prior_std**2 - 1
    kl = kl + 2 * np.log(prior_std) - 2 * np.log(np.diagonal(L, axis1=1, axis2=2))
    return kl.sum(1)
