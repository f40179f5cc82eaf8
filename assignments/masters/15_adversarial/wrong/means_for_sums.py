# %% nbgrader={"grade": false, "grade_id": "q2-value", "locked": false, "schema_version": 3, "solution": true, "task": false}
def game_value(d, p, q, share):
    """Divided by K."""
    return share * special.xlogy(p, d).mean() + (1 - share) * special.xlog1py(q, -d).mean()
