# %% nbgrader={"grade": false, "grade_id": "q5-nucleus", "locked": false, "schema_version": 3, "solution": true, "task": false}
def nucleus_of(counts, share):
    """As they come."""
    total, (above, below) = counts.sum(), share
    order = np.arange(len(counts))
    n = 1 + np.argmax(np.cumsum(counts[order]) * below >= total * above)
    kept = np.zeros(len(counts))
    kept[order[:n]] = counts[order[:n]]
    return kept / kept.sum(), np.log(total / kept.sum())
