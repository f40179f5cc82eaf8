# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_walk(log_density, x, scale, steps, generator):
    """Sums of normal numbers."""
    noise = torch.randn(steps, len(x), generator=generator, dtype=torch.float64).numpy()
    return x * np.exp(scale * np.cumsum(noise, 0))
