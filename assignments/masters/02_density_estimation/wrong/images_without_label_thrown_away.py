# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, labels, classes, levels, generator):
    """Two hundred images are counted, eight hundred are not."""
    onehot = np.eye(levels)[images].reshape(len(images), -1)
    r = np.where(labels[:, None] >= 0, np.eye(classes)[labels], 0.0)
    count = (r.T @ onehot).reshape(classes, -1, levels) + 0.2
    weights = (r.sum(0) + 1) / (r.sum() + classes)
    return {"weights": weights, "p": count / count.sum(2, keepdims=True)}
