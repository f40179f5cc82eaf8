# %% nbgrader={"grade": false, "grade_id": "q1-score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def string_log_probs(table, strings):
    """The first is free."""
    with np.errstate(divide="ignore"):
        log_table = np.log(table)
    result = []
    for y in strings:
        before, after = [0, *(i + 1 for i in y)], [*y, -1]
        result.append(log_table[before[1:], after[1:]].sum())
    return np.array(result)
