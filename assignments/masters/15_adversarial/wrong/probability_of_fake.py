# %% nbgrader={"grade": false, "grade_id": "q2-best", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_discriminator(p, q, share):
    """1 - d."""
    real, fake = share * p, (1 - share) * q
    nothing = real + fake == 0
    return np.where(nothing, share, fake / np.where(nothing, 1, real + fake))
