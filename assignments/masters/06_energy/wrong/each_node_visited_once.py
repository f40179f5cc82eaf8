# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """Remembers where it was, and not which way it came."""
    n = len(parents)
    children = [[b for b in range(n) if d in parents[b]] for d in range(n)]
    visited, ways = set(), [(a, "up")]
    while ways:
        node, came = ways.pop()
        if node in visited:
            continue
        visited.add(node)
        for goes, ends in (("down", children[node]), ("up", parents[node])):
            meet = came == "down" and goes == "up"
            if (node in seen) == meet:
                ways += [(b, goes) for b in ends]
    return np.isin(np.arange(n), list(visited - {a, *seen}))
