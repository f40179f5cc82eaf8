# %% nbgrader={"grade": false, "grade_id": "q1-play", "locked": false, "schema_version": 3, "solution": true, "task": false}
def play(A, rounds):
    """One more."""
    rows, columns = np.zeros(A.shape[0]), np.zeros(A.shape[1])
    for _ in range(rounds + 1):
        rows[np.argmax(A @ columns)] += 1
        columns[np.argmin(rows @ A)] += 1
    return rows, columns
