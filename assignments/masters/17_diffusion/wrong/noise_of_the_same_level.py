# %% nbgrader={"grade": false, "grade_id": "q5-walk", "locked": false, "schema_version": 3, "solution": true, "task": false}
def walk(params, z, alphas, sigmas, shares, noise):
    """Off by one."""
    for i, (rho, xi) in enumerate(zip(shares, noise, strict=True)):
        x = guess_of(params, z, alphas[i], sigmas[i])
        eps = (z - alphas[i] * x) / sigmas[i]
        eps = np.sqrt(1 - rho**2) * eps + rho * xi
        z = alphas[i + 1] * x + sigmas[i] * eps
    return z
