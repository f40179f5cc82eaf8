# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_given(a, points, bandwidth, n, generator):
    """Nothing is ever drawn that was not there before."""
    weights = special.softmax(-0.5 * ((a - points[:, 0]) / bandwidth) ** 2)
    i = torch.multinomial(torch.as_tensor(weights), n, replacement=True, generator=generator)
    return points[i.numpy(), 1]
