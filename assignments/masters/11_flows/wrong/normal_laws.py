# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(x_0, x_1, generator):
    """Means and covariances."""
    return [x_0.mean(0), x_1.mean(0), np.cov(x_0.T), np.cov(x_1.T)]

# %% nbgrader={"grade": false, "grade_id": "q7-velocity", "locked": false, "schema_version": 3, "solution": true, "task": false}
def velocity(params, t, x):
    """The best velocity from one normal law to another."""
    start, end, S_0, S_1 = params
    v = np.empty(x.shape)
    for i, r in enumerate(t):
        away = x[i] - (1 - r) * start - r * end
        slope = (r * S_1 - (1 - r) * S_0) @ np.linalg.inv((1 - r) ** 2 * S_0 + r**2 * S_1)
        v[i] = end - start + slope @ away
    return v
