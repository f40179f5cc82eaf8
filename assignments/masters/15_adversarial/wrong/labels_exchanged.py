# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(real, fake, generator):
    """The samples are taken for real."""
    real, fake = (torch.as_tensor(one, dtype=torch.float32) for one in (real, fake))
    D, H, batch, steps = real.shape[1], 64, 256, 500
    W, c = torch.randn(H, D, generator=generator), torch.randn(H, generator=generator)
    weights = [one.requires_grad_() for one in (W, c, torch.zeros(1, H), torch.zeros(1))]
    W, c, V, e = weights
    optimizer = torch.optim.AdamW(weights, lr=0.02, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        draws = [x[torch.randint(len(x), (batch,), generator=generator)] for x in (real, fake)]
        score_p, score_q = (torch.tanh(x @ W.T + c) @ V.T + e for x in draws)
        loss = torch.nn.functional.softplus(score_p) + torch.nn.functional.softplus(-score_q)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        schedule.step()
    return dict(zip("WcVe", (one.detach().numpy() for one in weights), strict=True))
