# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def generator_gradients(critic, m, s, z):
    """As if all noise were 0."""
    h = np.tanh(critic["W"] @ m + critic["c"])
    slope = (1 - h**2) * critic["V"][0] @ critic["W"]
    score = critic["V"][0] @ h + critic["e"][0]
    heard = [-special.expit(score) * slope, -special.expit(-score) * slope]
    return [np.stack([one, one * z.mean(0)]) for one in heard]
