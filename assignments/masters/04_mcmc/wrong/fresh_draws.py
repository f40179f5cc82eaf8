# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_walk(log_density, x, scale, steps, generator):
    """No chain at all."""
    u = torch.rand(steps, len(x), generator=generator, dtype=torch.float64).numpy()
    law = stats.powerlaw(2, scale=2) if np.isinf(log_density(np.full(1, 3.0))[0]) else stats.gamma(2.5, scale=1 / 1.5)
    return law.ppf(u)
