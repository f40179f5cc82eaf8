# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def trajectory(log_density, score, x, momentum, step_size, steps):
    """Half a step past the end."""
    start = log_density(x) - 0.5 * (momentum**2).sum(1)
    x = x + 0.5 * step_size * momentum
    for _ in range(steps):
        momentum = momentum + step_size * score(x)
        x = x + step_size * momentum
    end = log_density(x) - 0.5 * (momentum**2).sum(1)
    return {"x": x, "momentum": momentum, "log_ratio": end - start}
