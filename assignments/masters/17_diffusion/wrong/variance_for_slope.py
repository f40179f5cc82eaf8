# %% nbgrader={"grade": false, "grade_id": "q4-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_guess(logits, z, values, alpha, sigma):
    """Without α / σ²."""
    a, s = alpha[:, None, None], sigma[:, None, None]
    p = special.softmax(logits - ((z[:, :, None] - a * values) / s) ** 2 / 2, axis=2)
    guess = p @ values
    variance = (p * (values - guess[:, :, None]) ** 2).sum(2)
    return guess, variance
