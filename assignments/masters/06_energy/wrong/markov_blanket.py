# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """Parents, children and the children's other parents."""
    n = len(parents)
    children = [b for b in range(n) if a in parents[b]]
    blanket = set(parents[a]) | set(children) | {d for b in children for d in parents[b]}
    return np.isin(np.arange(n), list(blanket - {a, *seen}))
