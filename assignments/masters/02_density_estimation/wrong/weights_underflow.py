# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_given(a, points, bandwidth, n, generator):
    """Right on paper: far from all points, every weight is zero."""
    weights = np.exp(-0.5 * ((a - points[:, 0]) / bandwidth) ** 2)
    weights = torch.as_tensor(weights / weights.sum())
    i = torch.multinomial(weights, n, replacement=True, generator=generator)
    noise = torch.randn(n, generator=generator).numpy()
    return points[i.numpy(), 1] + bandwidth * noise
