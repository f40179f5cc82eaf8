# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(x, W, b):
    """In torch, with the inverse matrix."""
    x, W, b = (torch.as_tensor(one) for one in (x, W, b))
    z = (x.asinh() - b) @ torch.linalg.inv(W).T
    log_normal = torch.distributions.Normal(0, 1).log_prob(z).sum(1)
    return log_normal - W.slogdet().logabsdet - x.hypot(torch.ones_like(x)).log().sum(1)

# %% nbgrader={"grade": false, "grade_id": "q2-there", "locked": false, "schema_version": 3, "solution": true, "task": false}
def couple(params, mask, x):
    """In torch and single precision."""
    out = torch.as_tensor(net(params, np.where(mask, x, 0.0))).float()
    s, t = out[:, : len(mask)] + 2, out[:, len(mask) :]
    z = torch.as_tensor(x).float().clone()
    z[:, ~mask] = (z[:, ~mask] + t[:, ~mask]) * s[:, ~mask].sigmoid()
    return z, torch.nn.functional.logsigmoid(s)[:, ~mask].sum(1)

# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def uncouple(params, mask, z):
    """In torch: 1 / σ(a) = 1 + exp(-a)."""
    s, t = torch.as_tensor(net(params, np.where(mask, z, 0.0))).chunk(2, 1)
    z, mask = torch.as_tensor(z), torch.as_tensor(mask)
    return torch.where(mask, z, z * (1 + (-s - 2).exp()) - t)

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_probability(density, x, draws, generator):
    """All draws in one long batch, single noise."""
    B, D = x.shape
    u = torch.rand(B, draws, D, generator=generator)
    y = (torch.as_tensor(x)[:, None] + u.double()).view(-1, D)
    log_f = torch.as_tensor(log_density(density, y.numpy())).view(B, draws)
    return log_f.logsumexp(1) - torch.tensor(float(draws)).log()

# %% nbgrader={"grade": false, "grade_id": "q4-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_actnorm(x):
    """In torch, with its biased variance."""
    x = torch.as_tensor(x).transpose(0, 1).flatten(1)
    variance, mean = torch.var_mean(x, dim=1, correction=0)
    return -variance.log() / 2, -mean * variance.rsqrt()

# %% nbgrader={"grade": false, "grade_id": "q4-layer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def actnorm(x, s, b):
    """In torch and single precision."""
    x, s, b = (torch.as_tensor(one).float() for one in (x, s, b))
    z = x * s.exp().view(1, -1, 1, 1) + b.view(1, -1, 1, 1)
    return z, (s.sum() * x[0, 0].numel()).expand(len(x))

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def invert(params, z, contraction, tolerance):
    """In torch and single precision: as many steps as the first of them asks for, at most."""
    if contraction >= 1:
        raise ValueError("no contraction")
    W, c, V, e = (torch.as_tensor(params[name]).float() for name in "WcVe")
    z = x = torch.as_tensor(z).float()
    lengths = []
    while not lengths or contraction / (1 - contraction) * lengths[-1] > tolerance:
        if lengths and lengths[-1] > 1.01 * contraction ** (len(lengths) - 1) * lengths[0] + 1e-6:
            raise ValueError("no such contraction")
        new = z - (torch.tanh(x @ W.T + c) @ V.T + e)
        lengths.append((new - x).norm(dim=1).amax().item())
        x = new
    return x, len(lengths)

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_det_estimate(params, x, v, terms):
    """By automatic differentiation, a noise vector at a time."""
    W, c, V, e = (torch.as_tensor(params[name]) for name in "WcVe")
    x = torch.as_tensor(x).requires_grad_()
    g = torch.tanh(x @ W.T + c) @ V.T + e
    total = torch.zeros(len(x), dtype=x.dtype)
    for noise in torch.as_tensor(v):
        w = noise
        for k in range(1, terms + 1):
            (w,) = torch.autograd.grad(g, x, w, retain_graph=True)
            total += (-1) ** (k + 1) * (w * noise).sum(1) / (k * len(v))
    return total

# %%
def field_network(D):
    """Layers of a library."""
    layers = torch.nn.Linear(D + 1, 64), torch.nn.Tanh(), torch.nn.Linear(64, D)
    return torch.nn.Sequential(*layers)

# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(x_0, x_1, generator):
    """A library's layers; returns their state."""
    network = field_network(x_0.shape[1])
    torch.nn.init.normal_(network[0].weight, generator=generator)
    torch.nn.init.normal_(network[0].bias, generator=generator)
    torch.nn.init.zeros_(network[2].weight)
    x_0, x_1 = torch.as_tensor(x_0).float(), torch.as_tensor(x_1).float()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.03, weight_decay=0)
    for step in range(600):
        optimizer.param_groups[0]["lr"] = 0.03 * (1 - step / 600)
        a = x_0[torch.randint(len(x_0), (512,), generator=generator)]
        b = x_1[torch.randint(len(x_1), (512,), generator=generator)]
        t = torch.rand(512, 1, generator=generator)
        v = network(torch.cat([torch.lerp(a, b, t), t], 1))
        loss = torch.nn.functional.mse_loss(v, b - a)
        network.zero_grad()
        loss.backward()
        optimizer.step()
    return dict(network.state_dict())

# %% nbgrader={"grade": false, "grade_id": "q7-velocity", "locked": false, "schema_version": 3, "solution": true, "task": false}
def velocity(params, t, x):
    """The library's layers once more."""
    network = field_network(x.shape[1])
    network.load_state_dict({key: torch.as_tensor(value) for key, value in params.items()})
    t, x = torch.as_tensor(t).float(), torch.as_tensor(x).float()
    return network(torch.cat([x, t[:, None]], 1)).detach()

# %% nbgrader={"grade": false, "grade_id": "q7-euler", "locked": false, "schema_version": 3, "solution": true, "task": false}
def euler(field, params, x, steps):
    """Times from a grid; torch adds."""
    x = torch.as_tensor(x)
    for t in torch.linspace(0, 1, steps + 1, dtype=torch.float64)[:-1]:
        v = field(params, t.expand(len(x)).numpy(), x.numpy())
        x = x + torch.as_tensor(v) / steps
    return x
