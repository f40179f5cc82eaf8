# %% nbgrader={"grade": false, "grade_id": "q2-best", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_discriminator(p, q, share):
    """ρ is taken for the fakes'."""
    real, fake = (1 - share) * p, share * q
    nothing = real + fake == 0
    return np.where(nothing, share, real / np.where(nothing, 1, real + fake))
