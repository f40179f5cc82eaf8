# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_walk(log_density, x, scale, steps, generator):
    """The old state is not repeated."""
    path, log_p = [], log_density(x)
    for _ in range(steps):
        waiting = np.ones(len(x), dtype=bool)
        old, log_p_old = x, log_p
        while waiting.any():
            noise = torch.randn(len(x), generator=generator, dtype=torch.float64).numpy()
            u = torch.rand(len(x), generator=generator, dtype=torch.float64).numpy()
            x_new = old * np.exp(scale * noise)
            log_p_new = log_density(x_new)
            accept = waiting & (np.log1p(-u) < log_p_new - log_p_old + scale * noise)
            x, log_p = np.where(accept, x_new, x), np.where(accept, log_p_new, log_p)
            waiting &= ~accept
        path.append(x)
    return np.stack(path)
