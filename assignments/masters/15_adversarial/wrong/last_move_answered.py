# %% nbgrader={"grade": false, "grade_id": "q1-play", "locked": false, "schema_version": 3, "solution": true, "task": false}
def play(A, rounds):
    """Without a memory."""
    rows, columns, j = np.zeros(A.shape[0]), np.zeros(A.shape[1]), None
    for _ in range(rounds):
        i = 0 if j is None else np.argmax(A[:, j])
        j = np.argmin(A[i])
        rows[i] += 1
        columns[j] += 1
    return rows, columns
