# %% nbgrader={"grade": false, "grade_id": "q6-check", "locked": false, "schema_version": 3, "solution": true, "task": false}
def check_guesses(p, q, last, guesses, u, w):
    """Anything else."""
    B, n = guesses.shape
    written = np.full((B, n + 1), -1)
    for b in range(B):
        i, law = last[b], None
        for t, j in enumerate(guesses[b]):
            if u[b, t] >= p[i, j] / q[i, j]:
                law = np.where(np.arange(len(p)) == j, 0, p[i])
                break
            written[b, t], i = j, j
        else:
            t, law = n, p[i]
        written[b, t] = np.argmax(np.cumsum(law / law.sum()) > w[b])
    return written
