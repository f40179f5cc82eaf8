# %% nbgrader={"grade": false, "grade_id": "q5-strings", "locked": false, "schema_version": 3, "solution": true, "task": false}
def temper_strings(start, step, T, temperature):
    """Right on paper."""
    first, then = start ** (1 / temperature), step ** (1 / temperature)
    ahead, made = np.ones(len(start)), []
    for _ in range(T - 1):
        made.append(then * ahead / (then @ ahead)[:, None])
        ahead = then @ ahead
    made.append(np.tile(first * ahead / (first @ ahead), (len(start), 1)))
    return np.stack(made[::-1])
