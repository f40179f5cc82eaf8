# %% nbgrader={"grade": false, "grade_id": "q5-mmd", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mmd_squared(x, y, h):
    """A root too many."""

    def kappa(a, b):
        return 1 / (1 + np.sqrt(((a[:, None] - b) ** 2).sum(2)) / h**2)

    N, M = len(x), len(y)
    within = (kappa(x, x).sum() - N) / (N * (N - 1)) + (kappa(y, y).sum() - M) / (M * (M - 1))
    return within - 2 * kappa(x, y).mean()
