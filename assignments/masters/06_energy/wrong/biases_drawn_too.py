# %% nbgrader={"grade": false, "grade_id": "q2-init", "locked": false, "schema_version": 3, "solution": true, "task": false}
def init_rbm(p, q, generator):
    """Everything random."""
    W, b, c = (
        0.01 * torch.randn(size, generator=generator, dtype=torch.float64).numpy()
        for size in ((p, q), (p,), (q,))
    )
    return {"W": W, "b": b, "c": c}
