# %% nbgrader={"grade": false, "grade_id": "q6-pace", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pace(p, q, n):
    """All or nothing."""
    both, at_least, total = np.minimum(p, q), np.ones(len(p)), np.ones(len(p))
    for _ in range(n):
        at_least = both @ at_least
        total += at_least
    return 1 + n * at_least
