# %% nbgrader={"grade": false, "grade_id": "q5-frechet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frechet(x, y):
    """Half of it."""
    a, b = ((one - one.mean(0)) / np.sqrt(len(one) - 1) for one in (x, y))
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()  # tr (Σ Σ')^½ = ‖a bᵀ‖, nuclear
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + (a**2).sum() + (b**2).sum() - root
