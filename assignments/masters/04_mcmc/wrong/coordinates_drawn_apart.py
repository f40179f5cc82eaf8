# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heavy_tails(u, nu):
    """Two independent Student numbers; far out they are seldom both large."""
    return stats.t(nu).ppf(np.clip(u, 1e-12, None))
