# %% nbgrader={"grade": false, "grade_id": "q5-strings", "locked": false, "schema_version": 3, "solution": true, "task": false}
def temper_strings(start, step, T, temperature):
    """One ahead."""
    first, then = np.log(start) / temperature, np.log(step) / temperature
    ahead, made = np.zeros(len(start)), []  # log m
    for n in range(T - 1):
        scores = then + ahead
        ahead = special.logsumexp(then, axis=1)
        made.append(np.exp(scores - ahead[:, None]))
    made.append(np.tile(special.softmax(first + ahead), (len(start), 1)))
    return np.stack(made[::-1])
