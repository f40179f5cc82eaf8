# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def text_bits(table, tokens, text):
    """Bytes."""
    N, K = len(text), len(tokens)
    with np.errstate(divide="ignore"):
        log_table = np.log(table)
    best, every = np.full((2, N + 1, K + 1), -np.inf)  # by the place and the last row
    best[0, 0] = every[0, 0] = 0
    for n in range(N):
        for j, token in enumerate(tokens):
            if text.startswith(token, n):
                best[n + len(token), j + 1] = (best[n] + log_table[:, j]).max()
                every[n + len(token), j + 1] = special.logsumexp(every[n] + log_table[:, j])
    ends = (best[N] + log_table[:, K]).max(), special.logsumexp(every[N] + log_table[:, K])
    return -np.array(ends) / (len(text.encode()) * np.log(2))
