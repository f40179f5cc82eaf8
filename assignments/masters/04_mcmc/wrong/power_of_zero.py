# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heavy_tails(u, nu):
    """As good as 1 - u, but for u = 0."""
    with np.errstate(divide="ignore"):
        r = np.sqrt(nu * (u[:, 0] ** (-2 / nu) - 1))
    angle = 2 * np.pi * u[:, 1]
    return np.stack([r * np.cos(angle), r * np.sin(angle)], 1)
