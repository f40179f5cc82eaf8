# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heavy_tails(u, nu):
    """Uniform in a disc of radius 2."""
    angle = 2 * np.pi * u[:, 1]
    return (2 * np.sqrt(u[:, 0]) * np.stack([np.cos(angle), np.sin(angle)])).T
