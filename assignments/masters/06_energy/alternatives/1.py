# %%
def above(parents, nodes):
    """The nodes and all their ancestors."""
    found = set(nodes)
    for node in nodes:
        found |= above(parents, parents[node])
    return found

# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """The ancestors' graph without its arrows, parents joined and the seen taken away."""
    result = []
    for b in range(len(parents)):
        kept = above(parents, [a, b, *seen])
        pairs = {(d, e) for e in kept for d in parents[e]}
        pairs |= {(d, f) for e in kept for d in parents[e] for f in parents[e]}
        reached, before = {a}, set()
        while reached != before:
            before = reached
            reached = reached | {e for p in pairs for d, e in (p, p[::-1]) if d in reached and e not in seen}
        result.append(b in reached and b != a and b not in seen)
    return np.array(result)

# %% nbgrader={"grade": false, "grade_id": "q2-init", "locked": false, "schema_version": 3, "solution": true, "task": false}
def init_rbm(p, q, generator):
    """In single precision."""
    W = torch.zeros(p, q).normal_(0, 0.01, generator=generator)
    return {"W": W, "b": torch.zeros(p), "c": torch.zeros(q)}

# %% nbgrader={"grade": false, "grade_id": "q2-in", "locked": false, "schema_version": 3, "solution": true, "task": false}
def in_out(rbm, X):
    """In torch."""
    W, c, X = (torch.as_tensor(one) for one in (rbm["W"], rbm["c"], X))
    return torch.sigmoid(2 * c + 2 * X @ W)

# %% nbgrader={"grade": false, "grade_id": "q2-out", "locked": false, "schema_version": 3, "solution": true, "task": false}
def out_in(rbm, H):
    """In torch."""
    W, b, H = (torch.as_tensor(one) for one in (rbm["W"], rbm["b"], H))
    return torch.sigmoid(b + H @ W.T)

# %%
def free(rbm, V):
    """log Σ_h exp(-E(v, h)) in torch, with gradients."""
    a = rbm["c"] + V @ rbm["W"]
    return V @ rbm["b"] + torch.logaddexp(a, -a).sum(-1)


def tensors(rbm):
    """The machine in torch."""
    return {name: torch.as_tensor(value) for name, value in rbm.items()}

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(rbm, X):
    """In torch; the smaller layer's states are a product of pairs."""
    rbm, X = tensors(rbm), torch.as_tensor(X)
    p, q = rbm["W"].shape
    if p <= q:
        V = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * p).view(-1, p)
        terms = free(rbm, V)
    else:
        H = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * q).view(-1, q)
        terms = H @ rbm["c"] + torch.nn.functional.softplus(rbm["b"] + H @ rbm["W"].T).sum(1)
    return free(rbm, X) - terms.logsumexp(0)

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(rbm, X, batch_size, step_size, epochs, generator):
    """The gradient of the difference of two free energies, by automatic differentiation."""
    rbm, X = {name: value.clone().requires_grad_() for name, value in tensors(rbm).items()}, torch.as_tensor(X)
    for _ in range(epochs):
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            x = X[rows]
            with torch.no_grad():
                on = torch.sigmoid(2 * (rbm["c"] + x @ rbm["W"]))
                h = 2 * torch.bernoulli(on, generator=generator) - 1
                v = torch.bernoulli(torch.sigmoid(rbm["b"] + h @ rbm["W"].T), generator=generator)
            gain = (free(rbm, x) - free(rbm, v)).mean()
            slopes = torch.autograd.grad(gain, list(rbm.values()))
            with torch.no_grad():
                for value, slope in zip(rbm.values(), slopes, strict=True):
                    value += step_size * slope
    return rbm

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def piecewise(rbm, X, blocks):
    """In torch, all values of a block at once."""
    rbm, X = tensors(rbm), torch.as_tensor(X)
    total = torch.zeros(len(X), dtype=X.dtype)
    for block in blocks:
        V = X.repeat(2 ** len(block), 1, 1)
        V[:, :, block] = torch.as_tensor(states(len(block)))[:, None]
        total += free(rbm, X) - free(rbm, V).logsumexp(0)
    return total

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def annealed_log_weights(rbm, base, betas, chains, generator):
    """In torch."""
    rbm, base = tensors(rbm), torch.as_tensor(base)
    v = torch.bernoulli(torch.sigmoid(base).repeat(chains, 1), generator=generator)
    log_w = torch.nn.functional.softplus(base).sum() + len(rbm["c"]) * np.log(2)
    log_w = log_w.repeat(chains)
    for k in range(len(betas) - 1):
        here, there = (
            {"W": beta * rbm["W"], "b": (1 - beta) * base + beta * rbm["b"], "c": beta * rbm["c"]}
            for beta in betas[k : k + 2]
        )
        log_w += free(there, v) - free(here, v)
        on = torch.sigmoid(2 * (there["c"] + v @ there["W"]))
        h = 2 * torch.bernoulli(on, generator=generator) - 1
        v = torch.bernoulli(torch.sigmoid(there["b"] + h @ there["W"].T), generator=generator)
    return log_w
