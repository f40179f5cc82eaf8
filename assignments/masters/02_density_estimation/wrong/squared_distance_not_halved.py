# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_given(a, points, bandwidth, n, generator):
    """The weights belong to a kernel that is narrower by √2."""
    weights = special.softmax(-(((a - points[:, 0]) / bandwidth) ** 2))
    i = torch.multinomial(torch.as_tensor(weights), n, replacement=True, generator=generator)
    noise = torch.randn(n, generator=generator).numpy()
    return points[i.numpy(), 1] + bandwidth * noise
