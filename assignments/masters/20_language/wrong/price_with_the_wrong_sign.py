# %% nbgrader={"grade": false, "grade_id": "q5-nucleus", "locked": false, "schema_version": 3, "solution": true, "task": false}
def nucleus_of(counts, share):
    """A sign."""
    total, (above, below) = counts.sum(), share
    order = np.argsort(-counts, kind="stable")
    n = 1 + np.argmax(np.cumsum(counts[order]) * below >= total * above)
    kept = np.zeros(len(counts))
    kept[order[:n]] = counts[order[:n]]
    return kept / kept.sum(), np.log(kept.sum() / total)
