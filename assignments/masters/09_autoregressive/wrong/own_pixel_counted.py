# %% nbgrader={"grade": false, "grade_id": "q7-field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(shape, sizes, place):
    """Mask B in the first layer too: the pixel itself is among what it sees."""
    field = np.zeros(shape, dtype=bool)
    field[place] = True
    for k in sizes:
        r, above = k // 2, field
        field = np.zeros(shape, dtype=bool)
        for i, j in zip(*above.nonzero(), strict=True):
            field[max(i - r, 0) : i, max(j - r, 0) : j + r + 1] = True
            field[i, max(j - r, 0) : j + 1] = True
    return field
