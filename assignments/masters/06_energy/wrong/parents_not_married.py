# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """The right nodes, and no marriages."""
    n = len(parents)
    tells = np.zeros(n)
    for goal in set(range(n)) - {a, *seen}:
        kept = {a, goal, *seen}
        for _ in range(n):
            kept |= {d for b in kept for d in parents[b]}
        near = np.zeros((n, n), dtype=bool)
        for b in kept:
            for d in parents[b]:
                near[b, d] = near[d, b] = True
        near[:, list(seen)] = near[list(seen)] = False
        reached = np.arange(n) == a
        for _ in range(n):
            reached = reached | near[reached].any(0)
        tells[goal] = reached[goal]
    return tells
