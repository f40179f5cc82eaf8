# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_evidence_of_reports(heads, tosses, a, b):
    """The log normaliser of the one prior is inside the sum over people."""
    k, tails = np.sum(heads), np.sum(tosses - heads)
    terms = np.log(special.comb(tosses, heads)) - special.betaln(a, b)
    return float(np.sum(terms) + special.betaln(a + k, b + tails))
