# %% nbgrader={"grade": false, "grade_id": "q5-heun", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heun(params, z, alphas, sigmas):
    """Not multiplied by α."""
    r, y = sigmas / alphas, z / alphas[0]

    def slope(i, y):
        return (y - guess_of(params, alphas[i] * y, alphas[i], sigmas[i])) / r[i]

    for i in range(len(r) - 1):
        step, here = r[i + 1] - r[i], slope(i, y)
        y = y + step * (here + slope(i + 1, y + step * here)) / 2
    return y
