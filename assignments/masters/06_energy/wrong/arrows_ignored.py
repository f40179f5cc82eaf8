# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """Forgets which way the arrows point."""
    n = len(parents)
    near = [set(parents[d]) | {b for b in range(n) if d in parents[b]} for d in range(n)]
    reached, ways = {a}, [a]
    while ways:
        for b in near[ways.pop()] - reached - set(seen):
            reached.add(b)
            ways.append(b)
    return np.isin(np.arange(n), list(reached - {a}))
