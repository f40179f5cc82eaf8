# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_evidence_of_reports(heads, tosses, a, b):
    """Each person's coin gets a θ of its own."""
    each = special.betaln(a + heads, b + tosses - heads) - special.betaln(a, b)
    return float(np.sum(np.log(special.comb(tosses, heads)) + each))
