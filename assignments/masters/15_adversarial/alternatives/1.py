# %% nbgrader={"grade": false, "grade_id": "q1-solve", "locked": false, "schema_version": 3, "solution": true, "task": false}
def equilibrium(A):
    """Shifted until all numbers are positive: the classical pair of programs."""
    shift = 1 - A.min()
    B = A + shift
    red = optimize.linprog(np.ones(len(B)), A_ub=-B.T, b_ub=-np.ones(B.shape[1]))
    blue = optimize.linprog(-np.ones(B.shape[1]), A_ub=B, b_ub=np.ones(len(B)))
    p, q = torch.as_tensor(red.x), torch.as_tensor(blue.x)
    return p / p.sum(), q / q.sum(), 1 / p.sum() - shift


# %% nbgrader={"grade": false, "grade_id": "q1-play", "locked": false, "schema_version": 3, "solution": true, "task": false}
def play(A, rounds):
    """In torch, with running totals; ties by the first of the largest."""
    A = torch.as_tensor(A).double()
    brings, costs = torch.zeros(A.shape[0]).double(), torch.zeros(A.shape[1]).double()
    rows, columns = torch.zeros(A.shape[0]), torch.zeros(A.shape[1])
    for _ in range(rounds):
        i = int((brings == brings.max()).nonzero()[0])
        costs += A[i]
        j = int((costs == costs.min()).nonzero()[0])
        brings += A[:, j]
        rows[i] += 1
        columns[j] += 1
    return rows, columns


# %% nbgrader={"grade": false, "grade_id": "q2-best", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_discriminator(p, q, share):
    """In torch; NaN is replaced."""
    p, q = torch.as_tensor(p), torch.as_tensor(q)
    d = share * p / (share * p + (1 - share) * q)
    return torch.where(d.isnan(), torch.full_like(d, share), d)


# %% nbgrader={"grade": false, "grade_id": "q2-value", "locked": false, "schema_version": 3, "solution": true, "task": false}
def game_value(d, p, q, share):
    """A library's xlogy."""
    d, p, q = (torch.as_tensor(one) for one in (d, p, q))
    earned = share * torch.xlogy(p, d) + (1 - share) * torch.xlogy(q, 1 - d)
    return earned.sum()


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def generator_gradients(critic, m, s, z):
    """By automatic differentiation."""
    W, c, V, e = (torch.as_tensor(critic[name]) for name in "WcVe")
    both = torch.as_tensor(np.stack([m, s])).requires_grad_()
    x = both[0] + both[1] * torch.as_tensor(z)
    score = torch.tanh(x @ W.T + c) @ V.T + e
    losses = torch.nn.functional.logsigmoid(-score), -torch.nn.functional.logsigmoid(score)
    return [torch.autograd.grad(one.mean(), both, retain_graph=True)[0] for one in losses]


# %% nbgrader={"grade": false, "grade_id": "q4-path", "locked": false, "schema_version": 3, "solution": true, "task": false}
def path(theta, psi, c, gamma, step_size, rounds, ahead):
    """Each player's loss, differentiated by a library."""

    def wish(u):
        u = u.clone().requires_grad_()
        forged, real = torch.sigmoid(u[1] * u[0]), torch.sigmoid(u[1] * c)
        gain = real.log() + (1 - forged).log() - gamma / 2 * u[1] ** 2
        up = torch.autograd.grad(forged.log(), u, retain_graph=True)[0][0]
        return torch.stack([up, torch.autograd.grad(gain, u)[0][1]])

    u = torch.tensor([theta, psi], dtype=torch.float64)
    places = [u]
    for _ in range(rounds):
        look = u + step_size * wish(u) if ahead else u
        u = u + step_size * wish(look)
        places.append(u)
    return torch.stack(places)


# %% nbgrader={"grade": false, "grade_id": "q4-eigenvalues", "locked": false, "schema_version": 3, "solution": true, "task": false}
def eigenvalues(c, gamma):
    """From the characteristic polynomial."""
    return np.roots([1, c**2 / 2 + gamma, 0.25])


# %% nbgrader={"grade": false, "grade_id": "q5-mmd", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mmd_squared(x, y, h):
    """In torch, the diagonal taken off."""
    x, y = torch.as_tensor(x), torch.as_tensor(y)

    def kappa(a, b):
        return h**2 / (h**2 + torch.cdist(a, b).square())

    def within(a):
        k = kappa(a, a)
        return (k - torch.diag(k.diagonal())).sum() / (len(a) * (len(a) - 1))

    return within(x) + within(y) - 2 * kappa(x, y).mean()


# %% nbgrader={"grade": false, "grade_id": "q5-test", "locked": false, "schema_version": 3, "solution": true, "task": false}
def p_value(x, y, h, divisions, generator):
    """All divisions at once, as signs: a quadratic form in the kernel."""
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    rows, N, M = torch.cat([x, y]), len(x), len(y)
    k = 1 / (1 + (rows[:, None] - rows).square().sum(2) / h**2)
    k = k - torch.eye(N + M)
    first = torch.zeros(divisions + 1, N + M, dtype=torch.float64)
    first[0, :N] = 1
    for r in range(1, divisions + 1):
        first[r, torch.randperm(N + M, generator=generator)[:N]] = 1
    second = 1 - first
    total = ((first @ k) * first).sum(1) / (N * (N - 1)) - 2 * ((first @ k) * second).sum(1) / (
        N * M
    )
    total = total + ((second @ k) * second).sum(1) / (M * (M - 1))
    return (total >= total[0]).double().mean()


# %% nbgrader={"grade": false, "grade_id": "q5-frechet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def frechet(x, y):
    """By eigenvalues in torch."""
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    S, T = (one.T.cov().reshape(one.shape[1], -1) for one in (x, y))
    values, vectors = torch.linalg.eigh(S)
    half = vectors * values.clamp(min=0).sqrt() @ vectors.T
    root = torch.linalg.eigvalsh(half @ T @ half).clamp(min=0).sqrt().sum()
    return (x.mean(0) - y.mean(0)).square().sum() + S.trace() + T.trace() - 2 * root


# %% nbgrader={"grade": false, "grade_id": "q6-denoiser", "locked": false, "schema_version": 3, "solution": true, "task": false}
def right_denoiser(p, C):
    """In torch, by logarithms."""
    log_joint = torch.as_tensor(p).log() + torch.as_tensor(C).T.log()
    Q = log_joint.softmax(1)
    return torch.where(Q.isnan().any(1, keepdim=True), torch.as_tensor(p), Q)


# %% nbgrader={"grade": false, "grade_id": "q6-stationary", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stationary(C, Q):
    """One equation of the chain is replaced by the sum."""
    P = torch.as_tensor(C) @ torch.as_tensor(Q)
    A = P.T - torch.eye(len(P)).double()
    A[-1] = 1
    b = torch.zeros(len(P)).double()
    b[-1] = 1
    return torch.linalg.solve(A, b)


# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(real, fake, generator):
    """A library's layers, all rows at once, each heap with the same weight in the loss."""
    network = torch.nn.Sequential(
        torch.nn.Linear(real.shape[1], 40), torch.nn.Tanh(), torch.nn.Linear(40, 1)
    )
    torch.nn.init.normal_(network[0].weight, generator=generator)
    torch.nn.init.normal_(network[0].bias, generator=generator)
    torch.nn.init.zeros_(network[2].weight)
    torch.nn.init.zeros_(network[2].bias)
    real, fake = torch.as_tensor(real).float(), torch.as_tensor(fake).float()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(250):
        loss = -torch.nn.functional.logsigmoid(network(real)).mean()
        loss = loss - torch.nn.functional.logsigmoid(-network(fake)).mean()
        network.zero_grad()
        loss.backward()
        optimizer.step()
    return {key: value.detach() for key, value in network.state_dict().items()}


# %% nbgrader={"grade": false, "grade_id": "q7-ratio", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_ratio(params, x):
    """The same layers."""
    w = {key: torch.as_tensor(value) for key, value in params.items()}
    h = torch.tanh(torch.as_tensor(x).float() @ w["0.weight"].T + w["0.bias"])
    return (h @ w["2.weight"].T + w["2.bias"]).squeeze(1)
