# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score(x, logits):
    """Uniform probabilities."""
    K = logits.shape[-1]
    return {"nats": x.shape[1] * np.log(K), "bits_per_dim": np.log2(K)}
