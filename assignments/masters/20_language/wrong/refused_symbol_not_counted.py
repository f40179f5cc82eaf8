# %% nbgrader={"grade": false, "grade_id": "q6-pace", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pace(p, q, n):
    """Kept ones."""
    both, at_least, total = np.minimum(p, q), np.ones(len(p)), np.zeros(len(p))
    for _ in range(n):
        at_least = both @ at_least
        total += at_least
    return total
