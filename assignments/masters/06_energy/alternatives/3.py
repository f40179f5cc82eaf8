# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """Nodes twice, entered from above or from below, and the powers of their table of arrows."""
    n = len(parents)
    child = np.zeros((n, n), dtype=bool)  # child[d, b]: d is a parent of b
    for b, others in enumerate(parents):
        child[others, b] = True
    shut = np.isin(np.arange(n), seen)
    late = np.linalg.matrix_power(np.eye(n, dtype=int) + child, n) @ shut > 0  # seen, or leads there
    down = np.block([[child & ~shut[:, None], child.T & shut[:, None]], [child & ~shut[:, None], child.T & ~shut[:, None]]])
    down[:n, n:] = child.T & late[:, None]  # came from above, turns back: arrows meet
    start = np.append(np.zeros(n, dtype=int), np.arange(n) == a)  # a is entered from below
    far = start @ np.linalg.matrix_power(np.eye(2 * n) + down, 2 * n) > 0
    return (far[:n] | far[n:]) & ~shut & (np.arange(n) != a)

# %% nbgrader={"grade": false, "grade_id": "q2-init", "locked": false, "schema_version": 3, "solution": true, "task": false}
def init_rbm(p, q, generator):
    """Number by number."""
    W = [[float(torch.normal(0.0, 0.01, (1,), generator=generator)) for _ in range(q)] for _ in range(p)]
    return {"b": np.zeros(p, dtype=np.float32), "c": np.zeros(q, dtype=np.float32), "W": np.array(W)}

# %% nbgrader={"grade": false, "grade_id": "q2-in", "locked": false, "schema_version": 3, "solution": true, "task": false}
def in_out(rbm, X):
    """By a softmax over both values."""
    a = rbm["c"] + np.einsum("ni,ij->nj", X, rbm["W"])
    return special.softmax(np.stack([-a, a]), axis=0)[1]

# %% nbgrader={"grade": false, "grade_id": "q2-out", "locked": false, "schema_version": 3, "solution": true, "task": false}
def out_in(rbm, H):
    """The logistic law's distribution function."""
    return stats.logistic.cdf(np.einsum("nj,ij->ni", H, rbm["W"]), loc=-rbm["b"])

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(rbm, X):
    """Both layers by the same formula: h = 2 g - 1 with g in {0, 1} has other biases."""
    W, b, c = 2 * rbm["W"], rbm["b"] - rbm["W"].sum(1), 2 * rbm["c"]
    small, large, A = (b, c, W) if len(b) <= len(c) else (c, b, W.T)
    S = states(len(small))
    terms = S @ small - special.log_expit(-(large + S @ A)).sum(1)
    own = X @ b - special.log_expit(-(c + X @ W)).sum(1)
    return own - special.logsumexp(terms)

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(rbm, X, batch_size, step_size, epochs, generator):
    """In torch; the order by sorting random numbers."""
    W, b, c = (torch.tensor(rbm[name], dtype=torch.float64) for name in "Wbc")
    X = torch.tensor(X, dtype=torch.float64)
    for _ in range(epochs):
        order = torch.rand(len(X), generator=generator, dtype=torch.float64).argsort()
        for start in range(0, len(X), batch_size):
            x = X[order[start : start + batch_size]]
            mean = torch.tanh(c + x @ W)
            h = torch.where(2 * torch.rand(mean.shape, generator=generator) - 1 < mean, 1.0, -1.0).double()
            p = torch.sigmoid(torch.addmm(b, h, W.T))
            v = (torch.rand(p.shape, generator=generator) < p).double()
            other = torch.tanh(c + v @ W)
            W = W + step_size * (x.T @ mean - v.T @ other) / len(x)
            b = b + step_size * (x - v).mean(0)
            c = c + step_size * (mean - other).mean(0)
    return {"W": W.tolist(), "b": b.float(), "c": c}

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def piecewise(rbm, X, blocks):
    """What a block's values add to the hidden units' drive."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]
    pieces = []
    for block in blocks:
        V = states(len(block))
        rest = c + X @ W - X[:, block] @ W[block]
        a = rest[:, None] + V @ W[block]  # (n, states, q)
        log_p = special.log_softmax(V @ b[block] + np.logaddexp(a, -a).sum(2), axis=1)
        number = X[:, block] @ 2 ** np.arange(len(block))[::-1]
        pieces.append(np.take_along_axis(log_p, number.astype(int)[:, None], axis=1)[:, 0])
    return sum(pieces)

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def annealed_log_weights(rbm, base, betas, chains, generator):
    """Both values of each hidden unit are summed; all numbers from torch, in single precision."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]

    def uniform(*shape):
        return torch.rand(shape, generator=generator).numpy()

    def log_p(v, beta):
        drive = beta * (c + v @ W)
        both = special.logsumexp([drive, -drive], axis=0)
        return both.sum(1) + beta * (v @ b) + (1 - beta) * (v @ base)

    v = np.less(uniform(chains, len(b)), special.expit(base)).astype(float)
    log_w = -special.log_expit(-base).sum() + len(c) * np.log(2) - log_p(v, betas[0]) + log_p(v, betas[1])
    for k in range(1, len(betas) - 1):
        h = 1 - 2 * (uniform(chains, len(c)) > special.expit(2 * betas[k] * (c + v @ W)))
        on = special.expit(betas[k] * (b + h @ W.T) + (1 - betas[k]) * base)
        v = np.less(uniform(chains, len(b)), on).astype(float)
        log_w = log_w + log_p(v, betas[k + 1]) - log_p(v, betas[k])
    return log_w
