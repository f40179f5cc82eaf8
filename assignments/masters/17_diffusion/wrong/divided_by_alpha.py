# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def translate(kind, value, z, alpha, sigma, d_alpha, d_sigma):
    """0 / 0."""
    a, s, da, ds = (one[:, None] for one in (alpha, sigma, d_alpha, d_sigma))
    if kind == "x":
        eps = (z - a * value) / s
        x = (z - s * eps) / a
    elif kind == "velocity":
        det = da * s - ds * a
        eps = (da * z - a * value) / det
        x = (z - s * eps) / a
    else:
        eps = value if kind == "noise" else -s * value
        x = (z - s * eps) / a
    return np.stack([x, eps, -eps / s, da * x + ds * eps])
