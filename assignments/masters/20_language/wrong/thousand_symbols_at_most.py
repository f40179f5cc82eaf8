# %% nbgrader={"grade": false, "grade_id": "q1-mass", "locked": false, "schema_version": 3, "solution": true, "task": false}
def endings(table):
    """A thousand terms."""
    now, masses = table[0], []
    for _ in range(1000):
        masses.append(now[-1])
        now = now[:-1] @ table[1:]
    return sum(masses), np.arange(1000) @ np.array(masses) / sum(masses)
