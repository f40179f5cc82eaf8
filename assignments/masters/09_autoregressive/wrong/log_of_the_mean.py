# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score(x, logits):
    """The logarithm of the mean probability, for the mean of the logarithms."""
    log_p = special.log_softmax(logits, axis=-1)
    chosen = np.take_along_axis(log_p, x[..., None], axis=-1)[..., 0]
    nats = np.log(len(x)) - special.logsumexp(chosen.sum(1))
    return {"nats": float(nats), "bits_per_dim": float(nats / (x.shape[1] * np.log(2)))}
