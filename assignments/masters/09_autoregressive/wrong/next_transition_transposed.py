# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_missing(x, d, start, transition, generator):
    """The probability of the pixel given the next one, where that of the next given the pixel is needed."""
    D = x.shape[1]
    p = transition[x[:, d - 1]] if d > 0 else np.tile(start, (len(x), 1))
    if d < D - 1:
        p = p * transition[x[:, d + 1]]
    p = torch.as_tensor(p / p.sum(1, keepdims=True))
    return torch.multinomial(p, 1, generator=generator)[:, 0].numpy()
