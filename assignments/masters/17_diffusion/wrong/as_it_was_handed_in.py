# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def film_costs(x, beta, gain, shift, variance):
    """Nothing mended."""
    return first_try(x, beta, gain, shift, variance)
