# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, labels, classes, levels, generator):
    """EM finds kinds of digits, and nobody says which is which."""
    onehot = np.eye(levels)[images].reshape(len(images), -1)
    r = 0.5 / classes + 0.5 * np.eye(classes)[np.arange(len(images)) % classes]
    for _ in range(60):
        weights = (r.sum(0) + 1) / (r.sum() + classes)
        count = (r.T @ onehot).reshape(classes, -1, levels) + 0.2
        p = count / count.sum(2, keepdims=True)
        r = special.softmax(np.log(weights) + onehot @ np.log(p).reshape(classes, -1).T, axis=1)
    return {"weights": weights, "p": p}
