# %% nbgrader={"grade": false, "grade_id": "q1-mass", "locked": false, "schema_version": 3, "solution": true, "task": false}
def endings(table):
    """Something must be written."""
    step, stop = table[1:, :-1], table[1:, -1]
    can = stop > 0  # a way leads to an end
    for _ in stop:
        can = can | (step[:, can] > 0).any(1)
    step = np.where(can[:, None] & can, step, 0)
    inverse = np.linalg.inv(np.eye(len(stop)) - step)
    h = inverse @ stop  # probability to end
    longer = inverse @ step @ h  # E[further symbols; there is an end]
    first = table[0, :-1]
    mass = first @ h
    return mass, first @ (h + longer) / mass
