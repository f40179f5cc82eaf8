# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heavy_tails(u, nu):
    """The lower half of the plane stays empty."""
    r = np.sqrt(nu * ((1 - u[:, 0]) ** (-2 / nu) - 1))
    angle = np.pi * u[:, 1]
    return np.stack([r * np.cos(angle), r * np.sin(angle)], 1)
