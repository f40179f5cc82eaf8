# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """Walks along paths; explaining away by an immediate consequence only."""
    n = len(parents)
    near = [set(parents[d]) | {b for b in range(n) if d in parents[b]} for d in range(n)]
    visited, ways = set(), {(a, b) for b in near[a]}
    while ways:
        before, node = ways.pop()
        visited.add((before, node))
        for b in near[node] - {before}:
            meet = before in parents[node] and b in parents[node]
            if (node in seen) == meet:
                ways |= {(node, b)} - visited
    reached = {node for _, node in visited} - {a, *seen}
    return np.isin(np.arange(n), list(reached))
