# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(x_0, x_1, generator):
    """The two means."""
    return x_1.mean(0) - x_0.mean(0)

# %% nbgrader={"grade": false, "grade_id": "q7-velocity", "locked": false, "schema_version": 3, "solution": true, "task": false}
def velocity(params, t, x):
    """No field."""
    return np.tile(params, (len(x), 1))
