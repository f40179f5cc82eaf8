# %% nbgrader={"grade": false, "grade_id": "q4-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_guess(logits, z, values, alpha, sigma):
    """Underflow."""
    a, s = alpha[:, None, None], sigma[:, None, None]
    p = np.exp(logits - ((z[:, :, None] - a * values) / s) ** 2 / 2)
    p = p / p.sum(2, keepdims=True)
    guess = p @ values
    variance = (p * (values - guess[:, :, None]) ** 2).sum(2)
    return guess, (alpha / sigma**2)[:, None] * variance
