# %% nbgrader={"grade": false, "grade_id": "q5-mmd", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mmd_squared(x, y, h):
    """Means over all pairs."""

    def kappa(a, b):
        return 1 / (1 + ((a[:, None] - b) ** 2).sum(2) / h**2)

    return kappa(x, x).mean() - 2 * kappa(x, y).mean() + kappa(y, y).mean()
