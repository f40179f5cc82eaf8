# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, labels, classes, levels, generator):
    """Maximum likelihood: what was not seen has probability 0."""
    onehot = np.eye(levels)[images].reshape(len(images), -1)
    known = labels >= 0
    r = np.where(known[:, None], np.eye(classes)[labels], 0.0)
    for _ in range(20):
        weights = r.sum(0) / r.sum()
        count = (r.T @ onehot).reshape(classes, -1, levels)
        p = count / count.sum(2, keepdims=True)
        log_p = np.log(p + 1e-300).reshape(classes, -1)
        r[~known] = special.softmax(np.log(weights) + onehot @ log_p.T, axis=1)[~known]
    return {"weights": weights, "p": p}
