# %% nbgrader={"grade": false, "grade_id": "q1-play", "locked": false, "schema_version": 3, "solution": true, "task": false}
def play(A, rounds):
    """Ties go to the last."""
    rows, columns = np.zeros(A.shape[0]), np.zeros(A.shape[1])
    for _ in range(rounds):
        rows[len(A) - 1 - np.argmax((A @ columns)[::-1])] += 1
        columns[np.argmin(rows @ A)] += 1
    return rows, columns
