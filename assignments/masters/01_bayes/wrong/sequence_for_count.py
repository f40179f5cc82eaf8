# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_evidence_of_reports(heads, tosses, a, b):
    """The probability of the sequences, not of the counts: the number of orders is forgotten."""
    k, tails = np.sum(heads), np.sum(tosses - heads)
    return float(special.betaln(a + k, b + tails) - special.betaln(a, b))
