# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def invert(params, z, contraction, tolerance):
    """z + g(x)."""
    if not 0 < contraction < 1:
        raise ValueError(f"expected a Lipschitz constant below 1, got {contraction}")
    x, n, before = z, 0, np.inf
    while True:
        x, last, n = z + net(params, x), x, n + 1
        step = np.linalg.norm(x - last, axis=1).max()
        if contraction * step <= tolerance * (1 - contraction):
            return x, n
        if step > 1.001 * contraction * before:
            raise ValueError(f"expected a contraction by {contraction}, got a step of {step}")
        before = step
