# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score(x, logits):
    """cross_entropy with its default reduction: nats per pixel, reported as nats per image."""
    log_p = torch.as_tensor(logits).flatten(0, 1)
    nats = torch.nn.functional.cross_entropy(log_p, torch.as_tensor(x).flatten()).item()
    return {"nats": nats, "bits_per_dim": nats / np.log(2)}
