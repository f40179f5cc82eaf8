# %% nbgrader={"grade": false, "grade_id": "q1-jump", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jump(beta, s, t):
    """In torch, by logarithms."""
    log_kept = torch.log1p(-torch.as_tensor(beta)[s:t]).sum(0)
    return torch.exp(log_kept / 2), (-torch.expm1(log_kept)).sqrt()


# %% nbgrader={"grade": false, "grade_id": "q1-between", "locked": false, "schema_version": 3, "solution": true, "task": false}
def between(beta, s, t, x, z):
    """Precisions add; the first frame by itself."""
    beta, x, z = (torch.as_tensor(one) for one in (beta, x, z))
    if s == 0:
        return x, torch.zeros(x.shape[1])
    before, kept = (1 - beta[:s]).prod(0), (1 - beta[s:t]).prod(0)
    of_x, of_z = 1 / (1 - before), kept / (1 - kept)  # precisions
    mean = (of_x * before.sqrt() * x + of_z * z / kept.sqrt()) / (of_x + of_z)
    return mean, 1 / (of_x + of_z)


# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def film_costs(x, beta, gain, shift, variance):
    """In torch, all frames at once, (B, T)."""
    x, beta, g, h, v = (torch.as_tensor(one) for one in (x, beta, gain, shift, variance))
    D, kept = x.shape[1], (1 - beta).cumprod(0)
    off = x[:, None] * (1 - g * kept.sqrt())[:, None] - h  # (B, T, D)
    missed = off.square().sum(2) + D * g**2 * (1 - kept)
    read = (missed[:, 0] / v[0] + D * (2 * torch.pi * v[0]).log()) / 2
    last = torch.distributions.Normal(kept[-1].sqrt() * x, (1 - kept[-1]).sqrt())
    zero = torch.zeros(()).double()
    end = torch.distributions.kl_divergence(last, torch.distributions.Normal(zero, zero + 1)).sum(1)
    before, now = kept[:-1], kept[1:]
    tilde = beta[1:] * (1 - before) / (1 - now)
    fall = before / (1 - before) - now / (1 - now)
    steps = fall * tilde / v[1:] * missed[:, 1:] + D * (tilde / v[1:] - 1 - (tilde / v[1:]).log())
    return read, end, steps.sum(1) / 2


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def translate(kind, value, z, alpha, sigma, d_alpha, d_sigma):
    """Two equations for each number: a library solves them."""
    z, value = torch.as_tensor(z), torch.as_tensor(value)
    a, s, da, ds = (torch.as_tensor(one) for one in (alpha, sigma, d_alpha, d_sigma))
    one, none = torch.ones_like(a), torch.zeros_like(a)
    says = {
        "x": (one, none),
        "noise": (none, one),
        "score": (none, -1 / s),
        "velocity": (da, ds),
    }[kind]
    M = torch.stack([torch.stack([a, s], 1), torch.stack(says, 1)], 1)  # (B, 2, 2)
    x, eps = torch.linalg.solve(M, torch.stack([z, value], 1)).unbind(1)
    return torch.stack([x, eps, -eps / s[:, None], da[:, None] * x + ds[:, None] * eps])


# %% nbgrader={"grade": false, "grade_id": "q4-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_guess(logits, z, values, alpha, sigma):
    """By automatic differentiation."""
    z = torch.as_tensor(z).requires_grad_()
    logits, e, a, s = (torch.as_tensor(one) for one in (logits, values, alpha, sigma))
    away = (z[..., None] - a[:, None, None] * e) / s[:, None, None]
    guess = (logits - away**2 / 2).softmax(-1) @ e
    return guess.detach(), torch.autograd.grad(guess.sum(), z)[0]


# %% nbgrader={"grade": false, "grade_id": "q4-costs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_costs(p, values, log_snr):
    """In torch, with divergences of normal laws and not their formula."""
    p, e, level = (torch.as_tensor(one.copy()) for one in (p, values, log_snr))
    u = torch.linspace(-9, 9, 1801, dtype=torch.float64)
    weight = (-(u**2) / 2).softmax(0)
    normal = torch.distributions.Normal
    alpha, sigma = level.sigmoid().sqrt(), (-level).sigmoid().sqrt()
    last = normal(alpha[-1] * e, sigma[-1])
    cost = torch.distributions.kl_divergence(last, normal(e.new_zeros(()), e.new_ones(())))
    for t in range(len(level)):
        z = (alpha[t] * e)[:, None] + sigma[t] * u
        table = p.log() + normal(alpha[t] * e, sigma[t]).log_prob(z[:, :, None])
        table = table.log_softmax(2)
        if t:
            off = (e[:, None] - table.exp() @ e).square() @ weight
            cost = cost + (level[t - 1].exp() - level[t].exp()) / 2 * off
        else:
            read = torch.diagonal(table, dim1=0, dim2=2)  # (points, K)
            cost = cost - weight @ read
    return cost


# %% nbgrader={"grade": false, "grade_id": "q5-share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ancestral_share(alpha, sigma, alpha_next, sigma_next):
    """The variance by precisions."""
    c = alpha / alpha_next
    new = sigma**2 - c**2 * sigma_next**2
    return (1 / (1 + c**2 * sigma_next**2 / new)) ** 0.5


# %% nbgrader={"grade": false, "grade_id": "q5-walk", "locked": false, "schema_version": 3, "solution": true, "task": false}
def walk(params, z, alphas, sigmas, shares, noise):
    """In torch, with a network of its own making."""
    W, c, V, e = (torch.as_tensor(params[name]) for name in "WcVe")
    z, noise = torch.as_tensor(z), torch.as_tensor(noise)
    for i in range(len(shares)):
        a, s = float(alphas[i]), float(sigmas[i])
        x = torch.tanh((a / s**2 * z) @ W.T + c) @ V.T + e
        eps = (z - a * x) / s
        eps = (1 - float(shares[i]) ** 2) ** 0.5 * eps + float(shares[i]) * noise[i]
        z = float(alphas[i + 1]) * x + float(sigmas[i + 1]) * eps
    return z


# %% nbgrader={"grade": false, "grade_id": "q5-heun", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heun(params, z, alphas, sigmas):
    """In z, by guesses of the noise."""
    for a, s, b, t in zip(alphas[:-1], sigmas[:-1], alphas[1:], sigmas[1:], strict=True):
        eps = (z - a * guess_of(params, z, a, s)) / s
        tried = b / a * z + (t - b * s / a) * eps
        eps = (eps + (tried - b * guess_of(params, tried, b, t)) / t) / 2
        z = b / a * z + (t - b * s / a) * eps
    return torch.as_tensor(z)


# %% nbgrader={"grade": false, "grade_id": "q6-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def guided_guess(law, w, z, alpha, sigma):
    """Tweedie's formula, and a library's derivatives."""
    z = torch.as_tensor(z).requires_grad_()
    means, covs = torch.as_tensor(law["means"]), torch.as_tensor(law["covariances"])
    eye = torch.eye(z.shape[1]).double()
    parts = torch.distributions.MultivariateNormal(alpha * means, alpha**2 * covs + sigma**2 * eye)
    joint = parts.log_prob(z[:, None]) + torch.as_tensor(law["weights"]).log()
    every, some = joint.logsumexp(1), joint[:, torch.as_tensor(law["member"])].logsumexp(1)
    (score,) = torch.autograd.grad((every + w * (some - every)).sum(), z)
    return (z.detach() + sigma**2 * score) / alpha


# %% nbgrader={"grade": false, "grade_id": "q6-normal", "locked": false, "schema_version": 3, "solution": true, "task": false}
def guided_normal(class_mean, class_std, mean, std, w, start):
    """Two walks by a library's solver."""
    from scipy import integrate

    def field(sigma, z):
        by_class = (z - class_mean) / (sigma**2 + class_std**2)
        return sigma * (w * by_class + (1 - w) * (z - mean) / (sigma**2 + std**2))

    ends = integrate.solve_ivp(field, (start, 0), [0.0, start], rtol=1e-9, atol=1e-11).y[:, -1]
    a, b = class_std**-2, std**-2
    both = w * a + (1 - w) * b
    centre = (w * a * class_mean + (1 - w) * b * mean) / both
    return torch.tensor([[ends[0], ends[1] - ends[0]], [centre, both**-0.5]])


# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, generator):
    """A library's layers, which say all seventeen logits; cross-entropy at each noise level."""
    images = torch.as_tensor(images).long()
    N, D = images.shape
    counts = torch.nn.functional.one_hot(images, 17).sum(0) + 0.3
    state = torch.get_rng_state()
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    network = torch.nn.Sequential(
        torch.nn.Linear(D + 2, 160), torch.nn.ReLU(), torch.nn.Linear(160, 17 * D)
    )
    torch.set_rng_state(state)
    torch.nn.init.zeros_(network[2].weight)
    with torch.no_grad():
        network[2].bias.copy_(counts.log().flatten())
    e = torch.linspace(-1, 1, 17)
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=0.05)
    for step in range(450):
        optimizer.param_groups[0]["lr"] = 4e-3 * (1 - step / 450)
        rows = images[torch.randint(N, (100,), generator=generator)]
        level = 1 + 1.5 * torch.randn(100, 1, generator=generator)
        alpha, sigma = level.sigmoid().sqrt(), (-level).sigmoid().sqrt()
        z = alpha * (rows / 8 - 1) + sigma * torch.randn(100, D, generator=generator)
        logits = network(torch.cat([z, level / 4, alpha], 1)).view(100, D, 17)
        away = (z[:, :, None] - alpha[:, :, None] * e) / sigma[:, :, None]
        loss = torch.nn.functional.cross_entropy(
            (logits - away**2 / 2).flatten(0, 1), rows.flatten()
        )
        network.zero_grad()
        loss.backward()
        optimizer.step()
    return {key: value.detach() for key, value in network.state_dict().items()}


# %% nbgrader={"grade": false, "grade_id": "q7-denoise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def denoise(params, z, log_snr):
    """The same layers."""
    z, level = torch.as_tensor(z).float(), torch.as_tensor(log_snr).float()[:, None]
    alpha, sigma = level.sigmoid().sqrt(), (-level).sigmoid().sqrt()
    w = {key: torch.as_tensor(value) for key, value in params.items()}
    h = torch.relu(torch.cat([z, level / 4, alpha], 1) @ w["0.weight"].T + w["0.bias"])
    logits = (h @ w["2.weight"].T + w["2.bias"]).view(*z.shape, 17)
    e = torch.linspace(-1, 1, 17)
    away = (z[:, :, None] - alpha[:, :, None] * e) / sigma[:, :, None]
    return (logits - away**2 / 2).softmax(2) @ e
