# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """Follows the arrows, and never goes back."""
    n = len(parents)
    reached, ways = set(), [a]
    while ways:
        node = ways.pop()
        for b in range(n):
            if node in parents[b] and b not in reached and b not in seen:
                reached.add(b)
                ways.append(b)
    return np.isin(np.arange(n), list(reached))
