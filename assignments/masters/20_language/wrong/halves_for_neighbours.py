# %% nbgrader={"grade": false, "grade_id": "q3-turn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def turn(x, places, omegas):
    """The other layout."""
    angle = places[:, None] * omegas
    n = len(omegas)
    left, right = x[:, :n], x[:, n:]
    turned = np.empty(x.shape)
    turned[:, :n] = np.cos(angle) * left - np.sin(angle) * right
    turned[:, n:] = np.sin(angle) * left + np.cos(angle) * right
    return turned
