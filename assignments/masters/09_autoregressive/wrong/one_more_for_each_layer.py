# %% nbgrader={"grade": false, "grade_id": "q7-field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(shape, sizes, place):
    """The number of layers for the sides of their windows: right where all sides are 3."""
    L = len(sizes)
    i, j = (place[a] - np.arange(shape[a]) for a in (0, 1))  # rows up, columns to the left
    i, j = i[:, None], j[None]
    above = (i > 0) & (i <= L) & (-j <= i) & (j <= L)
    return above | ((i == 0) & (j > 0) & (j <= L))
