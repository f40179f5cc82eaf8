# %% nbgrader={"grade": false, "grade_id": "q2-value", "locked": false, "schema_version": 3, "solution": true, "task": false}
def game_value(d, p, q, share):
    """-log d for the samples."""
    return share * special.xlogy(p, d).sum() + (1 - share) * -special.xlogy(q, d).sum()
