# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def trajectory(log_density, score, x, momentum, step_size, steps):
    """A fine integrator, and another one."""
    start = log_density(x) - 0.5 * (momentum**2).sum(1)
    for _ in range(steps):
        momentum = momentum + 0.5 * step_size * score(x)
        x = x + step_size * momentum
        momentum = momentum + 0.5 * step_size * score(x)
    end = log_density(x) - 0.5 * (momentum**2).sum(1)
    return {"x": x, "momentum": momentum, "log_ratio": end - start}
