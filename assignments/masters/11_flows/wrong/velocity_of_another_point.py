# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(x_0, x_1, generator):
    """The path has one start, the velocity another."""
    x_0, x_1 = (torch.as_tensor(x, dtype=torch.float32) for x in (x_0, x_1))
    D, H, batch, steps = x_0.shape[1], 64, 512, 600
    V, c = torch.randn(H, D + 1, generator=generator), torch.randn(H, generator=generator)
    weights = [w.requires_grad_() for w in (V, c, torch.zeros(D, H), torch.zeros(D))]
    V, c, W, b = weights
    optimizer = torch.optim.Adam(weights, lr=0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        start, end = (x[torch.randint(len(x), (batch,), generator=generator)] for x in (x_0, x_1))
        t = torch.rand(batch, 1, generator=generator)
        h = torch.tanh(torch.cat([t, (1 - t) * start + t * end], 1) @ V.T + c)
        loss = (h @ W.T + b - (end - start.flip(0))).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return [w.detach().numpy() for w in weights]
