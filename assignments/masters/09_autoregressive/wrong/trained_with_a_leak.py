# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, levels, generator):
    """Trained on windows that end at their target: a wonderful loss, and worthless parameters."""
    x, L, M = torch.as_tensor(images), 18, 64
    N, D = x.shape
    value = torch.nn.functional.pad(2 * x.float() / (levels - 1) - 1, (L - 1, 0))
    past = value.unfold(1, L, 1)  # (N, D, L), the oldest pixel first
    counts = torch.nn.functional.one_hot(x, levels).sum(0) + 0.1
    V = torch.randn(M, L, generator=generator) / L**0.5
    c, W = torch.zeros(M), torch.zeros(levels, M)
    b = (counts / counts.sum(1, keepdim=True)).log()
    weights = [w.requires_grad_() for w in (V, c, W, b)]
    epochs, batch = 12, 25
    steps = epochs * (N // batch)
    optimizer = torch.optim.AdamW(weights, lr=4e-3, weight_decay=0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(epochs):
        for rows in torch.randperm(N, generator=generator)[: N // batch * batch].view(-1, batch):
            logits = (past[rows] @ V.T + c).relu() @ W.T + b
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), x[rows].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return dict(zip("VcWb", (w.detach().numpy() for w in weights), strict=True))
