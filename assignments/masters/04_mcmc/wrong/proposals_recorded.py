# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_walk(log_density, x, scale, steps, generator):
    """The chain is right, and the record is not."""
    path, log_p = [], log_density(x)
    for _ in range(steps):
        noise = torch.randn(len(x), generator=generator, dtype=torch.float64).numpy()
        u = torch.rand(len(x), generator=generator, dtype=torch.float64).numpy()
        x_new = x * np.exp(scale * noise)
        log_p_new = log_density(x_new)
        accept = np.log1p(-u) < log_p_new - log_p + scale * noise
        x, log_p = np.where(accept, x_new, x), np.where(accept, log_p_new, log_p)
        path.append(x_new)
    return np.stack(path)
