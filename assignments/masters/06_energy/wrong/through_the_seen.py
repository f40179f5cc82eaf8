# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """A node that opens, opens to all sides."""
    n = len(parents)
    children = [[b for b in range(n) if d in parents[b]] for d in range(n)]
    visited, ways = set(), {(a, "up")}
    while ways:
        node, came = ways.pop()
        visited.add((node, came))
        for goes, ends in (("down", children[node]), ("up", parents[node])):
            if (node in seen) == (came == "down") or goes == "down" and node not in seen:
                ways |= {(b, goes) for b in ends} - visited
    reached = {node for node, _ in visited} - {a, *seen}
    return np.isin(np.arange(n), list(reached))
