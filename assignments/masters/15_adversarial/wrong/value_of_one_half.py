# %% nbgrader={"grade": false, "grade_id": "q2-value", "locked": false, "schema_version": 3, "solution": true, "task": false}
def game_value(d, p, q, share):
    """As if half were real."""
    return share * special.xlogy(p, d).sum() + share * special.xlog1py(q, -d).sum()
