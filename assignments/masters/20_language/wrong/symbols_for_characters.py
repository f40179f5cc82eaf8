# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def text_bits(table, tokens, text):
    """Bits for each token."""
    N, K = len(text), len(tokens)
    with np.errstate(divide="ignore"):
        log_table = np.log(table)
    best, every = np.full((2, N + 1, K + 1), -np.inf)
    length = np.zeros((N + 1, K + 1))
    best[0, 0] = every[0, 0] = 0
    for n in range(N):
        for j, token in enumerate(tokens):
            if text.startswith(token, n):
                m, row = n + len(token), (best[n] + log_table[:, j]).argmax()
                best[m, j + 1], length[m, j + 1] = (
                    best[n, row] + log_table[row, j],
                    length[n, row] + 1,
                )
                every[m, j + 1] = special.logsumexp(every[n] + log_table[:, j])
    ends = best[N] + log_table[:, K], special.logsumexp(every[N] + log_table[:, K])
    return -np.array([ends[0].max(), ends[1]]) / (max(1, length[N, ends[0].argmax()]) * np.log(2))
