# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_probability(density, x, draws, generator):
    """The middle stands for the cell."""
    return log_density(density, x + 0.5)
