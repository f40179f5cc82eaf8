# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_evidence_of_reports(heads, tosses, a, b):
    """As if the prior were flat, and everyone had a coin."""
    return float(-np.log(tosses + 1).sum())
