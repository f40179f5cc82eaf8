# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heavy_tails(u, nu):
    """√(r² cos φ) for √r² cos φ: NaN for three points in four."""
    square = nu * ((1 - u[:, 0]) ** (-2 / nu) - 1)
    angle = 2 * np.pi * u[:, 1]
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.stack([square * np.cos(angle), square * np.sin(angle)], 1))
