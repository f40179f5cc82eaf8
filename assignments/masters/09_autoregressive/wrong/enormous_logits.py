# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, levels, generator):
    """No training."""
    b = np.full((images.shape[1], levels), 1e20)
    return {"V": np.ones((1, 1)), "c": np.zeros(1), "W": np.zeros((levels, 1)), "b": b}
