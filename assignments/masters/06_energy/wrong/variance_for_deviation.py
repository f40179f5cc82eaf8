# %% nbgrader={"grade": false, "grade_id": "q2-init", "locked": false, "schema_version": 3, "solution": true, "task": false}
def init_rbm(p, q, generator):
    """N(0, 0.01)."""
    W = np.sqrt(0.01) * torch.randn(p, q, generator=generator, dtype=torch.float64).numpy()
    return {"W": W, "b": np.zeros(p), "c": np.zeros(q)}
