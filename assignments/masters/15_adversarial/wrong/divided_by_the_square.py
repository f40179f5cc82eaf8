# %% nbgrader={"grade": false, "grade_id": "q5-mmd", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mmd_squared(x, y, h):
    """N² for N (N - 1)."""

    def kappa(a, b):
        return 1 / (1 + ((a[:, None] - b) ** 2).sum(2) / h**2)

    N, M = len(x), len(y)
    within = (kappa(x, x).sum() - N) / N**2 + (kappa(y, y).sum() - M) / M**2
    return within - 2 * kappa(x, y).mean()
