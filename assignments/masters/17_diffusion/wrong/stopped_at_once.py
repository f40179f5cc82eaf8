# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, generator):
    """Hardly begun."""
    images = torch.as_tensor(images)
    (N, D), H, batch, steps, lr = images.shape, 192, 100, 500, 0.01
    counts = torch.stack([(images == k).sum(0) for k in range(17)], 1) + 0.3  # (D, 17)
    x, e, table = images.float() / 8 - 1, torch.linspace(-1, 1, 17), counts.log()
    W = torch.randn(H, D + 4, generator=generator) / (D + 4) ** 0.5
    V = torch.zeros(2 * D, H)
    weights = [one.requires_grad_() for one in (W, torch.zeros(H), V, torch.zeros(2 * D))]
    W, c, V, b = weights
    optimizer = torch.optim.AdamW(weights, lr=lr, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps)
    for _ in range(5):
        u = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
        level = 1 + 1.2 * torch.logit(u.clamp(1e-4, 1 - 1e-4))  # a logistic law
        density = u * (1 - u) / 1.2
        alpha, sigma = level.sigmoid().sqrt()[:, None], (-level).sigmoid().sqrt()[:, None]
        row = x[torch.randint(N, (batch,), generator=generator)]
        z = alpha * row + sigma * torch.randn(row.shape, generator=generator)
        told = torch.stack([torch.sin(level / 3), torch.cos(level / 3)], 1)
        told = torch.cat([z, told, level[:, None] / 4, alpha], 1)
        h = torch.nn.functional.silu(told @ W.T + c)
        slope, bend = (h @ V.T + b).chunk(2, 1)
        logits = table + slope[:, :, None] * e + bend[:, :, None] * e**2
        away = (z[:, :, None] - alpha[:, :, None] * e) / sigma[:, :, None]
        off = row - (logits - away**2 / 2).softmax(2) @ e
        loss = (level.exp() / (2 * density) * (off**2).sum(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    params = dict(zip("WcVb", (one.detach().numpy() for one in weights), strict=True))
    return params | {"table": table.numpy()}
