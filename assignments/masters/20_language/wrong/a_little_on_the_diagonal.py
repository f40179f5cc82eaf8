# %% nbgrader={"grade": false, "grade_id": "q1-mass", "locked": false, "schema_version": 3, "solution": true, "task": false}
def endings(table):
    """A small number helps."""
    step, stop = table[1:, :-1], table[1:, -1]
    inverse = np.linalg.inv((1 + 1e-8) * np.eye(len(stop)) - step)
    h = inverse @ stop  # probability to end
    longer = inverse @ step @ h  # E[further symbols; there is an end]
    first = table[0, :-1]
    mass = first @ h + table[0, -1]
    return mass, first @ (h + longer) / mass
