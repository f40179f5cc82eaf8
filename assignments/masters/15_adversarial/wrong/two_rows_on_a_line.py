# %% nbgrader={"grade": false, "grade_id": "q5-mmd", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mmd_squared(x, y, h):
    """Four kernels."""
    k = 1 / (
        1
        + (
            np.array([
                x[0] - x[1],
                y[0] - y[1],
                x[0] - y[0],
                x[0] - y[1],
                x[1] - y[0],
                x[1] - y[1],
            ])[:, 0]
            / h
        )
        ** 2
    )
    return k[0] + k[1] - k[2:].sum() / 2


# %% nbgrader={"grade": false, "grade_id": "q5-test", "locked": false, "schema_version": 3, "solution": true, "task": false}
def p_value(x, y, h, divisions, generator):
    """As small as can be."""
    return 1 / (1 + divisions)


# %% nbgrader={"grade": false, "grade_id": "q5-frechet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frechet(x, y):
    """The first number of each row."""
    away = x[:, 0].mean() - y[:, 0].mean()
    return away**2 + (x[:, 0].std(ddof=1) - y[:, 0].std(ddof=1)) ** 2
