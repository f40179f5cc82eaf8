# %% nbgrader={"grade": false, "grade_id": "q4-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_guess(logits, z, values, alpha, sigma):
    """The mean was not taken off."""
    a, s = alpha[:, None, None], sigma[:, None, None]
    p = special.softmax(logits - ((z[:, :, None] - a * values) / s) ** 2 / 2, axis=2)
    guess = p @ values
    variance = p @ values**2
    return guess, (alpha / sigma**2)[:, None] * variance
