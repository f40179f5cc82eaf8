# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heavy_tails(u, nu):
    """-log u for -2 log u, in the shape that it has here."""
    r = np.sqrt(nu * ((1 - u[:, 0]) ** (-1 / nu) - 1))
    angle = 2 * np.pi * u[:, 1]
    return np.stack([r * np.cos(angle), r * np.sin(angle)], 1)
