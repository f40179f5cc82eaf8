# %% nbgrader={"grade": false, "grade_id": "q2-best", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_discriminator(p, q, share):
    """Right where something is seen."""
    real, fake = share * p, (1 - share) * q
    nothing = real + fake == 0
    return real / (real + fake)
