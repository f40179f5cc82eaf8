# %% nbgrader={"grade": false, "grade_id": "q1-mass", "locked": false, "schema_version": 3, "solution": true, "task": false}
def endings(table):
    """What the visible test has."""
    step, stop = table[1:, :-1], table[1:, -1]
    can = np.diag(step) < 1  # does not follow itself forever
    step = np.where(can[:, None] & can, step, 0)
    inverse = np.linalg.inv(np.eye(len(stop)) - step)
    h = inverse @ stop  # probability to end
    longer = inverse @ step @ h  # E[further symbols; there is an end]
    first = table[0, :-1]
    mass = first @ h + table[0, -1]
    return mass, first @ (h + longer) / mass
