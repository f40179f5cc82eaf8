# %% nbgrader={"grade": false, "grade_id": "q2-attend", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attend(q, k, v, first, window):
    """Unchanged."""
    return first_try(q, k, v, first, window)
