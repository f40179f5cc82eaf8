# %% nbgrader={"grade": false, "grade_id": "q1-score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def string_log_probs(table, strings):
    """Right on paper."""
    with np.errstate(divide="ignore"):
        log_table = np.log(table)
    result = []
    for y in strings:
        before, after = [0, *(i + 1 for i in y)], [*y, -1]
        result.append(np.log(np.prod(table[before, after])))
    return np.array(result)
