# %% nbgrader={"grade": false, "grade_id": "q4-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_guess(logits, z, values, alpha, sigma):
    """What z itself knows is forgotten."""
    a, s = alpha[:, None, None], sigma[:, None, None]
    p = special.softmax(logits + 0 * s, axis=2)
    guess = p @ values
    variance = (p * (values - guess[:, :, None]) ** 2).sum(2)
    return guess, (alpha / sigma**2)[:, None] * variance
