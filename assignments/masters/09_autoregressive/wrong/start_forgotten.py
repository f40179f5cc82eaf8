# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_missing(x, d, start, transition, generator):
    """At the first position only the next pixel counts: the law of the start is forgotten."""
    D = x.shape[1]
    p = transition[x[:, d - 1]] if d > 0 else np.ones((len(x), len(start)))
    if d < D - 1:
        p = p * transition[:, x[:, d + 1]].T
    p = torch.as_tensor(p / p.sum(1, keepdims=True))
    return torch.multinomial(p, 1, generator=generator)[:, 0].numpy()
