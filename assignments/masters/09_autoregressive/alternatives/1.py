# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_chain(x, levels, smoothing):
    """In torch and single precision."""
    x = torch.as_tensor(x)
    start = torch.bincount(x[:, 0], minlength=levels) + torch.tensor(smoothing)
    pairs = (x[:, :-1] * levels + x[:, 1:]).flatten()
    table = torch.bincount(pairs, minlength=levels**2).view(levels, levels) + torch.tensor(smoothing)
    total = table.sum(1, keepdim=True)
    return start / start.sum(), torch.where(total > 0, table / total, 1 / levels)

# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score(x, logits):
    """A library's loss, summed."""
    x, logits = torch.as_tensor(x), torch.as_tensor(logits)
    B, D, K = logits.shape
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, K), x.flatten(), reduction="sum")
    return {"nats": loss / B, "bits_per_dim": loss.item() / (B * D * np.log(2))}

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def causal_convolution(x, weight, bias, dilation):
    """A library's correlation, of the weights turned round, and padding in front alone."""
    x, weight, bias = (torch.as_tensor(one) for one in (x, weight, bias))
    reach = 1 + (weight.shape[1] - 1) * dilation
    padded = torch.nn.functional.pad(x[:, None], (reach, 0))[:, :, :-1]
    return torch.nn.functional.conv1d(padded, weight.flip(1)[:, None], bias, dilation=dilation)

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_missing(x, d, start, transition, generator):
    """The largest of the logarithms with Gumbel noise."""
    x, transition = torch.as_tensor(x), torch.as_tensor(transition)
    log_p = transition[x[:, d - 1]].log() if d else torch.as_tensor(start).log().repeat(len(x), 1)
    if d + 1 < x.shape[1]:
        log_p = log_p + transition.log()[:, x[:, d + 1]].T
    noise = torch.empty_like(log_p).exponential_(generator=generator)
    return (log_p - noise.log()).argmax(1)

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(params, x):
    """In torch."""
    V, c, W, b = (torch.as_tensor(params[name]) for name in "VcWb")
    L, K = V.shape[1], len(W)
    value = torch.nn.functional.pad(2 * torch.as_tensor(x).to(V.dtype) / (K - 1) - 1, (L, -1))
    logits = torch.relu(value.unfold(1, L, 1) @ V.T + c) @ W.T + b
    return -torch.nn.functional.cross_entropy(
        logits.permute(0, 2, 1), torch.as_tensor(x), reduction="none"
    ).sum(1)

# %%
def windows(x, levels, L):
    """The pixels before each, the oldest first, (N, D, L)."""
    value = torch.nn.functional.pad(2 * x.float() / (levels - 1) - 1, (L, -1))
    return value.unfold(1, L, 1)


def frequencies(x, levels):
    """log of smoothed frequencies, (D, K)."""
    return torch.log_softmax((torch.nn.functional.one_hot(x, levels).sum(0) + 0.1).log(), 1)

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, levels, generator):
    """Layers of a library, and a table of the positions."""
    x, L, M = torch.as_tensor(images), 20, 64
    past = windows(x, levels, L)
    first, second = torch.nn.Linear(L, M), torch.nn.Linear(M, levels, bias=False)
    torch.nn.init.normal_(first.weight, std=L**-0.5, generator=generator)
    torch.nn.init.zeros_(first.bias)
    torch.nn.init.zeros_(second.weight)
    table = torch.nn.Parameter(frequencies(x, levels))
    weights = [*first.parameters(), *second.parameters(), table]
    optimizer = torch.optim.AdamW(weights, lr=4e-3, weight_decay=0.03)
    epochs, batch = 12, 25
    for epoch in range(epochs):
        for rows in torch.randperm(len(x), generator=generator).split(batch):
            for group in optimizer.param_groups:
                group["lr"] = 4e-3 * (1 + np.cos(np.pi * epoch / epochs)) / 2
            log_p = torch.log_softmax(second(torch.relu(first(past[rows]))) + table, -1)
            loss = -log_p.gather(-1, x[rows][..., None]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return {"V": first.weight, "c": first.bias, "W": second.weight, "b": table}

# %% nbgrader={"grade": false, "grade_id": "q7-prob", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_log_probs(layers, x):
    """Windows unfolded, one product of matrices a layer, in single precision."""
    x = torch.as_tensor(x)
    B, H, W = x.shape
    a = (2 * x / (len(layers[-1][1]) - 1) - 1)[:, None].float()
    for number, (weight, bias) in enumerate(layers):
        weight, bias = (torch.as_tensor(one).float() for one in (weight, bias))
        k = weight.shape[-1]
        seen = k * k // 2 + min(number, 1)
        windows = torch.nn.functional.unfold(a, k, padding=k // 2).view(B, -1, k * k, H * W)
        kernel = weight.flatten(2)[:, :, :seen]
        h = torch.einsum("bisd,ois->bod", windows[:, :, :seen], kernel) + bias[:, None]
        a = h.clamp(min=0).view(B, -1, H, W)
    return -torch.nn.functional.cross_entropy(h.view(B, -1, H, W), x, reduction="none")

# %% nbgrader={"grade": false, "grade_id": "q7-field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(shape, sizes, place):
    """The gradient of one output of a network without ReLUs, whose weights are 1."""
    x = torch.zeros(1, 1, *shape, dtype=torch.float64, requires_grad=True)
    h = x
    for number, k in enumerate(sizes):
        weight = torch.ones(k * k, dtype=torch.float64)
        weight[k * k // 2 + (number > 0) :] = 0
        h = torch.nn.functional.conv2d(h, weight.view(1, 1, k, k), padding=k // 2)
    (slope,) = torch.autograd.grad(h[0, 0][tuple(place)], x)
    return slope[0, 0] > 0
