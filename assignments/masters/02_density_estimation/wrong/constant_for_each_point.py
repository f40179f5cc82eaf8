# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leave_one_out(x, bandwidth):
    """As if all points had one neighbour, at one bandwidth."""
    return np.full(len(x), stats.norm(0, bandwidth[0]).logpdf(bandwidth[0]))
