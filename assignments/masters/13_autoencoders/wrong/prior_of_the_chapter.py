# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate(mean, L, prior_mean, prior_std):
    """m = 0 and s = 1."""
    spread = (L**2).sum(2)  # the diagonal of L Lᵀ
    kl = spread + mean**2 - 1
    kl = kl - 2 * np.log(np.diagonal(L, axis1=1, axis2=2))
    return kl.sum(1) / 2
