# %% nbgrader={"grade": false, "grade_id": "q5-strings", "locked": false, "schema_version": 3, "solution": true, "task": false}
def temper_strings(start, step, T, temperature):
    """The first is as it was."""
    first, then = np.log(start), np.log(step) / temperature
    ahead, made = np.zeros(len(start)), []  # log m
    for _ in range(T - 1):
        scores = then + ahead
        ahead = special.logsumexp(scores, axis=1)
        made.append(np.exp(scores - ahead[:, None]))
    made.append(np.tile(special.softmax(first + ahead), (len(start), 1)))
    return np.stack(made[::-1])
