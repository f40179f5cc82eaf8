# %% nbgrader={"grade": false, "grade_id": "q2-value", "locked": false, "schema_version": 3, "solution": true, "task": false}
def game_value(d, p, q, share):
    """Heads and tails."""
    real = p[0] * np.log(d[0]) + (1 - p[0]) * np.log(d[1])
    return share * real + (1 - share) * (q[0] * np.log(1 - d[0]) + (1 - q[0]) * np.log(1 - d[1]))
