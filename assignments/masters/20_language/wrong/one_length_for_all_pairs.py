# %% nbgrader={"grade": false, "grade_id": "q3-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def look_back(omegas, n):
    """One length."""
    q, k = np.zeros((2, 2 * len(omegas)))
    q[0::2], q[1::2] = np.cos(omegas * n), -np.sin(omegas * n)
    k[0::2] = 1
    return np.stack([q, k]) / np.sqrt(len(omegas))
