# %% nbgrader={"grade": false, "grade_id": "q2-best", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_discriminator(p, q, share):
    """The share is forgotten there."""
    real, fake = share * p, (1 - share) * q
    nothing = real + fake == 0
    return np.where(nothing, 0.5, real / np.where(nothing, 1, real + fake))
