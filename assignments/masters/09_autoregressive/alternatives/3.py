# %%
from scipy import signal, sparse

# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_chain(x, levels, smoothing):
    """A sparse table of pairs, and products of indicators."""
    onehot = np.eye(levels)[x]
    start = onehot[:, 0].sum(0) + smoothing
    pairs = (x[:, :-1].ravel(), x[:, 1:].ravel())
    ones = np.ones(pairs[0].size)
    table = sparse.coo_matrix((ones, pairs), shape=(levels, levels)).toarray() + smoothing
    with np.errstate(invalid="ignore"):
        transition = np.nan_to_num(table / table.sum(1)[:, None], nan=1 / levels)
    return (start / start.sum(), transition)

# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score(x, logits):
    """By einsum over the indicators of the levels."""
    onehot = np.eye(logits.shape[-1])[x]
    own = np.einsum("bdk,bdk->b", onehot, logits)
    nats = np.mean(special.logsumexp(logits, axis=-1).sum(1) - own)
    return {"nats": nats, "bits_per_dim": nats / x.shape[1] / np.log(2)}

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def causal_convolution(x, weight, bias, dilation):
    """A library's convolution, with zeros between the weights."""
    spread = np.zeros((len(weight), (weight.shape[1] - 1) * dilation + 2))
    spread[:, 1::dilation] = weight
    y = [[signal.convolve(row, kernel)[: len(row)] for kernel in spread] for row in x]
    return np.array(y) + np.asarray(bias)[:, None]

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_missing(x, d, start, transition, generator):
    """NumPy's draws, from a generator that the given one seeds."""
    rng = np.random.default_rng(generator.initial_seed())
    p = np.ones((len(x), len(start)))
    p *= start if d == 0 else transition[x[:, d - 1], :]
    if d != x.shape[1] - 1:
        p *= transition.T[x[:, d + 1]]
    below = p.cumsum(1)
    u = rng.random(len(x)) * below[:, -1]
    return (below <= u[:, None]).sum(1).astype(np.uint8)

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(params, x):
    """Lag by lag."""
    V, c, W, b = (np.asarray(params[name]) for name in ("V", "c", "W", "b"))
    D, K = b.shape
    drive = np.tile(c, (*x.shape, 1)).astype(float)
    for lag in range(1, min(V.shape[1], D - 1) + 1):
        drive[:, lag:] += (2 * x[:, :-lag, None] / (K - 1) - 1) * V[:, -lag]
    logits = np.einsum("km,bdm->bdk", W, drive.clip(min=0)) + b
    own = logits[np.arange(len(x))[:, None], np.arange(D), x]
    return (own - special.logsumexp(logits, axis=2)).sum(1)

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, levels, generator):
    """The window as a convolution, an optimiser with a warm start, other sizes."""
    x, L, M = torch.as_tensor(images), 24, 48
    value = torch.nn.functional.pad(2 * x.float() / (levels - 1) - 1, (L, -1))[:, None]
    count = torch.eye(levels)[x].sum(0) + 0.1
    weights = {
        "V": torch.randn(M, L, generator=generator) / L**0.5,
        "c": torch.zeros(M),
        "W": torch.zeros(levels, M),
        "b": torch.log(count / count.sum(1, keepdim=True)),
    }
    for weight in weights.values():
        weight.requires_grad_()
    batch, epochs = 25, 12
    optimizer = torch.optim.AdamW(weights.values(), lr=5e-3, weight_decay=0.03)
    total = epochs * -(-len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=total, pct_start=0.1)
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=generator).split(batch):
            hidden = torch.conv1d(value[rows], weights["V"][:, None], weights["c"]).relu()
            logits = torch.einsum("km,bmd->bkd", weights["W"], hidden) + weights["b"].T
            loss = torch.nn.functional.cross_entropy(logits, x[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return weights

# %% nbgrader={"grade": false, "grade_id": "q7-prob", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_log_probs(layers, x):
    """A library's correlation, image by image and channel by channel, of weights that are masked."""
    K = len(layers[-1][1])
    onehot = np.moveaxis(np.eye(K, dtype=bool)[x], -1, 1)
    a = np.linspace(-1, 1, K)[x][:, None]
    for number, (weight, bias) in enumerate(layers):
        r = weight.shape[-1] // 2
        weight = np.array(weight)
        weight[:, :, r + 1 :], weight[:, :, r, r + 1 :] = 0, 0
        if number == 0:
            weight[:, :, r, r] = 0
        h = np.tile(np.asarray(bias)[:, None, None], (len(x), 1, *x.shape[1:])).astype(float)
        for n, c, e in np.ndindex(len(x), *weight.shape[:2]):
            h[n, c] += signal.correlate(np.pad(a[n, e], r), weight[c, e], mode="valid")
        a = h * (h > 0)
    return (h * onehot).sum(1) - special.logsumexp(h, axis=1)

# %% nbgrader={"grade": false, "grade_id": "q7-field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(shape, sizes, place):
    """By counting: who goes to the right goes up, at least a row, by one window at most as far as it reaches."""
    (i, j), (first, *others) = place, [k // 2 for k in sizes]
    far = first + sum(others)
    field = np.zeros(shape, dtype=np.uint8)
    field[i, max(j - far, 0) : j] = 1
    for up in range(1, min(far, i) + 1):
        largest = sorted([*others, *up * [0]])[::-1]
        last = max(first, largest[up - 1] - 1)  # the first layer goes up, or one to the left
        right = sum(largest[: up - 1]) + last
        field[i - up, max(j - far, 0) : j + right + 1] = 1
    return field
