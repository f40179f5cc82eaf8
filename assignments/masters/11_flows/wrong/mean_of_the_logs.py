# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_probability(density, x, draws, generator):
    """K bounds averaged, not one bound from K draws."""
    B, D = x.shape
    u = torch.rand(draws, B, D, generator=generator, dtype=torch.float64).numpy()
    log_f = [log_density(density, x + noise) for noise in u]
    return np.mean(log_f, axis=0)
