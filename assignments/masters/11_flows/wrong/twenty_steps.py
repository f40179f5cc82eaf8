# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def invert(params, z, contraction, tolerance):
    """Always twenty."""
    x = z
    for _ in range(20):
        x = z - net(params, x)
    return x, 20
