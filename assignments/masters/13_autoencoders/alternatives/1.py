# %% nbgrader={"grade": false, "grade_id": "q1-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_plane(x, weights, M):
    """In torch, from the eigenvectors of the weighted covariance."""
    x, w = torch.as_tensor(x), torch.as_tensor(weights)
    mean = (w[:, None] * x).sum(0) / w.sum()
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0, aweights=w))
    noise = values[:-M].mean()
    return mean, vectors[:, -M:] * (values[-M:] - noise).sqrt(), noise


# %% nbgrader={"grade": false, "grade_id": "q1-law", "locked": false, "schema_version": 3, "solution": true, "task": false}
def factor_log_prob(x, mean, G, noise):
    """By a library's law for a covariance of low rank."""
    mean, G, noise = (torch.as_tensor(one) for one in (mean, G, noise))
    law = torch.distributions.LowRankMultivariateNormal(mean, G, noise.square())
    return law.log_prob(torch.as_tensor(x))


# %% nbgrader={"grade": false, "grade_id": "q2-law", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ica_log_prob(x, mean, W, law):
    """In torch, with a library's normal laws."""
    x, mean, W = (torch.as_tensor(one) for one in (x, mean, W))
    parts = torch.distributions.Normal(torch.as_tensor(law["means"]), torch.as_tensor(law["stds"]))
    s = torch.einsum("de,be->bd", W, x - mean)
    log_p = parts.log_prob(s.unsqueeze(2)) + torch.as_tensor(law["weights"]).log()
    return log_p.logsumexp(2).sum(1) + W.slogdet().logabsdet


# %% nbgrader={"grade": false, "grade_id": "q2-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def natural_step(x, mean, W, law, step_size):
    """The score by automatic differentiation."""
    x, mean, W = (torch.as_tensor(one) for one in (x, mean, W))
    weights, means, stds = (torch.as_tensor(law[name]) for name in ("weights", "means", "stds"))
    s = ((x - mean) @ W.T).requires_grad_()
    mixture = torch.distributions.Categorical(weights), torch.distributions.Normal(means, stds)
    torch.distributions.MixtureSameFamily(*mixture).log_prob(s).sum().backward()
    return W + step_size * (W + s.grad.T @ s.detach() @ W / len(x))


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate(mean, L, prior_mean, prior_std):
    """By a library."""
    mean, L, prior_mean, s = (torch.as_tensor(one) for one in (mean, L, prior_mean, prior_std))
    q = torch.distributions.MultivariateNormal(mean, scale_tril=L)
    p = torch.distributions.MultivariateNormal(prior_mean, scale_tril=s.diag())
    return torch.distributions.kl_divergence(q, p)


# %% nbgrader={"grade": false, "grade_id": "q4-terms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_terms(params, x, eps):
    """With a library's laws, all draws at once."""
    x, eps = torch.as_tensor(x), torch.as_tensor(eps)
    mean, log_var = torch.as_tensor(net(params["encoder"], x.numpy() / 8 - 1)).chunk(2, 1)
    q = torch.distributions.Normal(mean, (log_var / 2).exp())
    cost = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1)
    z = q.loc + q.scale * eps
    a = torch.as_tensor(net(params["decoder"], z.flatten(0, 1).numpy())).view(*z.shape[:2], -1)
    loss = torch.nn.functional.softplus(a) * 16 - x * a
    n = x.double()
    loss = loss + torch.lgamma(n + 1) + torch.lgamma(17 - n) - torch.lgamma(torch.tensor(17.0))
    return cost, loss.sum(2).mean(0)


# %% nbgrader={"grade": false, "grade_id": "q4-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_gradient(params, x, eps):
    """By automatic differentiation."""
    out = torch.as_tensor(net(params["encoder"], x / 8 - 1)).requires_grad_()
    W, c, V, e = (torch.as_tensor(params["decoder"][name]) for name in "WcVe")
    mean, log_var = out.chunk(2, 1)
    z = mean + (log_var / 2).exp() * torch.as_tensor(eps)
    a = torch.tanh(z @ W.T + c) @ V.T + e
    F = (torch.as_tensor(x) * a - 16 * torch.nn.functional.softplus(a)).sum((0, 2)) / len(eps)
    F = F - (mean.square() + log_var.exp() - log_var).sum(1) / 2
    (slope,) = torch.autograd.grad(F.sum(), out)
    return slope.chunk(2, 1)


# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jackknife(log_w):
    """A square of copies with minus infinity on its diagonal."""
    log_w = torch.as_tensor(log_w)
    K = torch.tensor(float(len(log_w)), dtype=log_w.dtype)
    full = log_w.logsumexp(0) - K.log()
    gone = torch.eye(len(log_w), dtype=torch.bool)[:, :, None]
    less = log_w.masked_fill(gone, -torch.inf).logsumexp(1).mean(0) - (K - 1).log()
    return full, less, less + K * (full - less)


# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split_rate(mean, std):
    """A line for each law, in steps of its own deviation; in torch."""
    mean, std = torch.as_tensor(mean), torch.as_tensor(std)
    u = torch.linspace(-9, 9, 1801, dtype=torch.float64)
    share = torch.exp(-u.square() / 2) / torch.exp(-u.square() / 2).sum()
    paid, told = torch.zeros_like(mean), torch.zeros_like(mean)
    for n in range(len(mean)):
        z = mean[n] + std[n] * u[:, None]  # (1801, M)
        log_all = torch.distributions.Normal(mean, std).log_prob(z[:, None]).logsumexp(1)
        log_all = log_all - torch.tensor(float(len(mean))).log()
        own = torch.distributions.Normal(mean[n], std[n])
        told[n] = share @ (own.log_prob(z) - log_all)
        paid[n] = torch.distributions.kl_divergence(own, torch.distributions.Normal(0.0, 1.0))
    return paid.mean(0), told.mean(0), (paid - told).mean(0)


# %%
def layers(before, after, generator):
    """A network of a library; its numbers come from the generator."""
    network = torch.nn.Sequential(
        torch.nn.Linear(before, 100), torch.nn.Tanh(), torch.nn.Linear(100, after)
    )
    for one in (network[0], network[2]):
        torch.nn.init.normal_(one.weight, std=0.5 / one.in_features**0.5, generator=generator)
        torch.nn.init.zeros_(one.bias)
    return network


# %% nbgrader={"grade": false, "grade_id": "q7", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, generator):
    """A library's layers and laws, epochs of batches, fifteen latent variables."""
    x = torch.as_tensor(images).float()
    encoder, decoder = layers(x.shape[1], 30, generator), layers(15, x.shape[1], generator)
    with torch.no_grad():
        decoder[2].bias.copy_(torch.logit((x.mean(0) + 0.05) / 16.1))
    optimizer = torch.optim.AdamW([*encoder.parameters(), *decoder.parameters()], lr=6e-3)
    epochs = 80
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = 6e-3 * (1 - epoch / epochs)
        for image in x[torch.randperm(len(x), generator=generator)].split(50):
            mean, log_var = encoder(image / 8 - 1).chunk(2, 1)
            q = torch.distributions.Normal(mean, (log_var / 2).exp())
            z = q.loc + q.scale * torch.randn(mean.shape, generator=generator)
            log_p = torch.distributions.Binomial(16, logits=decoder(z)).log_prob(image).sum(1)
            prior = torch.distributions.Normal(0.0, 1.0)
            loss = (torch.distributions.kl_divergence(q, prior).sum(1) - log_p).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return {
        name: {key: one.detach() for key, one in zip("WcVe", network.parameters(), strict=True)}
        for name, network in (("encoder", encoder), ("decoder", decoder))
    }
