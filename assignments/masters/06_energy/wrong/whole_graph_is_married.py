# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """Marries all parents, whether anybody saw a child or not."""
    n = len(parents)
    tells = np.zeros(n)
    for goal in set(range(n)) - {a, *seen}:
        kept = set(range(n))
        for _ in range(n):
            kept |= {d for b in kept for d in parents[b]}
        near = np.zeros((n, n), dtype=bool)
        for b in kept:
            for d in parents[b]:
                near[b, d] = near[d, b] = True
                for e in parents[b]:
                    near[d, e] = near[e, d] = True
        near[:, list(seen)] = near[list(seen)] = False
        reached = np.arange(n) == a
        for _ in range(n):
            reached = reached | near[reached].any(0)
        tells[goal] = reached[goal]
    return tells
