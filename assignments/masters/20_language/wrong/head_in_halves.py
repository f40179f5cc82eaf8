# %% nbgrader={"grade": false, "grade_id": "q3-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def look_back(omegas, n):
    """Halves."""
    q, k = np.zeros((2, 2 * len(omegas)))
    q[: len(omegas)], q[len(omegas) :] = np.cos(omegas * n), -np.sin(omegas * n)
    k[: len(omegas)] = 1
    return np.stack([q, k])
