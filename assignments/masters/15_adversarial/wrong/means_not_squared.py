# %% nbgrader={"grade": false, "grade_id": "q5-frechet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frechet(x, y):
    """A root of the first term."""
    a, b = ((one - one.mean(0)) / np.sqrt(len(one) - 1) for one in (x, y))
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()  # tr (Σ Σ')^½ = ‖a bᵀ‖, nuclear
    return np.linalg.norm(x.mean(0) - y.mean(0)) + (a**2).sum() + (b**2).sum() - 2 * root
