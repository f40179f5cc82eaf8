# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(x, y, generator):
    """The factor of the way back."""

    def log_posterior(theta):
        a, b, s = theta.T
        sigma = np.exp(s)
        z = (y - a[:, None] - b[:, None] * x) / sigma[:, None]
        log_lik = -2.5 * np.log1p(z**2 / 4).sum(1) - len(y) * s
        return log_lik - 0.5 * (a**2 + b**2) - sigma - s

    def noise(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).numpy()

    theta, draws = noise(1000, 3), []
    log_p = log_posterior(theta)
    for t in range(600):
        new = theta + (0.3, 1.0)[t % 2] * noise(1000, 3)
        log_p_new = log_posterior(new)
        u = torch.rand(1000, generator=generator, dtype=torch.float64).numpy()
        accept = np.log1p(-u) < log_p_new - log_p
        theta = np.where(accept[:, None], new, theta)
        log_p = np.where(accept, log_p_new, log_p)
        if t >= 200 and t % 10 == 0:
            draws.append(theta)
    a, b, s = np.concatenate(draws).T
    return np.stack([a, b, np.exp(s)], 1)
