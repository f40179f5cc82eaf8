# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def translate(kind, value, z, alpha, sigma, d_alpha, d_sigma):
    """Roots of what is no power."""
    a, s, da, ds = (one[:, None] for one in (alpha, sigma, d_alpha, d_sigma))
    a, s = np.sqrt(a), np.sqrt(s)
    if kind == "x":
        x, eps = value, (z - a * value) / s
    elif kind == "velocity":
        det = da * s - ds * a
        x, eps = (s * value - ds * z) / det, (da * z - a * value) / det
    else:
        eps = value if kind == "noise" else -s * value
        x = (z - s * eps) / a
    return np.stack([x, eps, -eps / s, da * x + ds * eps])
