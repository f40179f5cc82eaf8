# %% nbgrader={"grade": false, "grade_id": "q2-value", "locked": false, "schema_version": 3, "solution": true, "task": false}
def game_value(d, p, q, share):
    """NaN where something never comes."""
    return share * (p * np.log(d)).sum() + (1 - share) * (q * np.log(1 - d)).sum()
