# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(x, y, generator):
    """A law at half the temperature: every variance is half of what it should be."""
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    theta = torch.randn(1000, 3, generator=generator, dtype=torch.float64)
    step, draws = 0.01, []
    for t in range(1200):
        theta = theta.detach().requires_grad_()
        a, b, s = theta.T
        z = (y - a[:, None] - b[:, None] * x) / s.exp()[:, None]
        log_p = -2.5 * torch.log1p(z**2 / 4).sum(1) - len(y) * s - 0.5 * (a**2 + b**2)
        (score,) = torch.autograd.grad((log_p - s.exp() + s).sum(), theta)
        noise = torch.randn(1000, 3, generator=generator, dtype=torch.float64)
        theta = theta + step * score + step**0.5 * noise
        if t >= 600 and t % 50 == 0:
            draws.append(theta.detach())
    a, b, s = torch.cat(draws).T
    return torch.stack([a, b, s.exp()], 1).numpy()
