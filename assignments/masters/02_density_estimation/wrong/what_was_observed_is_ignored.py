# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_given(a, points, bandwidth, n, generator):
    """Draws from p(b), not from p(b | a)."""
    i = torch.randint(len(points), (n,), generator=generator).numpy()
    return points[i, 1] + bandwidth * torch.randn(n, generator=generator).numpy()
