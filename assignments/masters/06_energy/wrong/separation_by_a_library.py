# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """Nothing was thought about here."""
    import networkx

    graph = networkx.DiGraph([(d, b) for b in range(len(parents)) for d in parents[b]])
    graph.add_nodes_from(range(len(parents)))
    return [
        b != a and b not in seen and not networkx.is_d_separator(graph, {a}, {b}, set(seen))
        for b in range(len(parents))
    ]
