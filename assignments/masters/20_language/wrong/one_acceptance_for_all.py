# %% nbgrader={"grade": false, "grade_id": "q6-pace", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pace(p, q, n):
    """A geometric series."""
    share = np.minimum(p, q).sum(1)
    return sum(share**m for m in range(n + 1))
