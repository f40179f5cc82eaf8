# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def text_bits(table, tokens, text):
    """Right on paper."""
    N, K = len(text), len(tokens)
    best, every = np.zeros((2, N + 1, K + 1))
    best[0, 0] = every[0, 0] = 1
    for n in range(N):
        for j, token in enumerate(tokens):
            if text.startswith(token, n):
                best[n + len(token), j + 1] = (best[n] * table[:, j]).max()
                every[n + len(token), j + 1] = every[n] @ table[:, j]
    return -np.log2([(best[N] * table[:, K]).max(), every[N] @ table[:, K]]) / N
