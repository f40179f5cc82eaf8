# %% nbgrader={"grade": false, "grade_id": "q3-turn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def turn(x, places, omegas):
    """One speed."""
    angle = places[:, None] * omegas[0]
    left, right = x[:, 0::2], x[:, 1::2]
    turned = np.empty(x.shape)
    turned[:, 0::2] = np.cos(angle) * left - np.sin(angle) * right
    turned[:, 1::2] = np.sin(angle) * left + np.cos(angle) * right
    return turned
