# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, levels, generator):
    """Frequencies, and a network that says nothing."""
    count = np.eye(levels)[images].sum(0) + 0.1
    b = np.log(count / count.sum(1, keepdims=True))
    return {"V": np.ones((1, 1)), "c": np.zeros(1), "W": np.zeros((levels, 1)), "b": b}
