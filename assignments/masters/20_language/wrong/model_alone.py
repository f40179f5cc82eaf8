# %% nbgrader={"grade": false, "grade_id": "q6-check", "locked": false, "schema_version": 3, "solution": true, "task": false}
def check_guesses(p, q, last, guesses, u, w):
    """One symbol a pass."""
    written = np.full((len(last), guesses.shape[1] + 1), -1)
    written[:, 0] = (np.cumsum(p[last], axis=1) > w[:, None]).argmax(1)
    return written
