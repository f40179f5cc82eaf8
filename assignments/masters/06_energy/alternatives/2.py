# %%
import math

# %%
def open_ways(parents, a, seen, way, found):
    """Adds to `found` the ends of all ways without a circle that nothing blocks."""
    found.add(way[-1])
    for node in range(len(parents)):
        joined = node in parents[way[-1]] or way[-1] in parents[node]
        if joined and node not in way and (len(way) == 1 or passes(parents, way[-2], way[-1], node, seen)):
            open_ways(parents, a, seen, [*way, node], found)


def passes(parents, before, node, after, seen):
    """Whether the middle one of three nodes lets through what comes from its neighbour."""
    if before in parents[node] and after in parents[node]:
        return bool(({node} | below(parents, node)) & set(seen))
    return node not in seen


def below(parents, node):
    """All descendants."""
    children = {b for b in range(len(parents)) if node in parents[b]}
    return children.union(*(below(parents, child) for child in children))

# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def still_tells(parents, a, seen):
    """All ways, one after another."""
    found = set()
    open_ways(parents, a, seen, [a], found)
    return [b in found and b != a and b not in seen for b in range(len(parents))]

# %% nbgrader={"grade": false, "grade_id": "q2-init", "locked": false, "schema_version": 3, "solution": true, "task": false}
def init_rbm(p, q, generator):
    """NumPy's numbers, from a generator that the given one seeds."""
    rng = np.random.default_rng(generator.initial_seed())
    return {"W": 0.01 * rng.standard_normal((p, q)), "b": [0] * p, "c": [0.0] * q}

# %% nbgrader={"grade": false, "grade_id": "q2-in", "locked": false, "schema_version": 3, "solution": true, "task": false}
def in_out(rbm, X):
    """From the mean of a unit that is -1 or 1."""
    return (1 + np.tanh(rbm["c"] + np.dot(X, rbm["W"]))) / 2

# %% nbgrader={"grade": false, "grade_id": "q2-out", "locked": false, "schema_version": 3, "solution": true, "task": false}
def out_in(rbm, H):
    """From the energies of both values of a unit, row by row."""
    result = np.zeros((len(H), len(rbm["b"])))
    for n in range(len(H)):
        for i in range(len(rbm["b"])):
            gain = rbm["b"][i] + sum(rbm["W"][i, j] * H[n, j] for j in range(H.shape[1]))
            result[n, i] = 0.5 * (1 + math.tanh(gain / 2))
    return result

# %%
def log_hidden_summed(rbm, v):
    """log Σ_h exp(-E(v, h)) of one row."""
    a = np.abs(rbm["c"] + v @ rbm["W"])
    return v @ rbm["b"] + np.sum(a + np.log1p(np.exp(-2 * a)))

# %%
def log_visible_summed(rbm, h):
    """log Σ_v exp(-E(v, h)) of one row."""
    a = rbm["b"] + rbm["W"] @ h
    return h @ rbm["c"] + np.sum(np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a))))

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(rbm, X):
    """State by state, as binary numbers."""
    p, q = rbm["W"].shape
    log_Z = -np.inf
    for number in range(2 ** min(p, q)):
        bits = np.array([number >> i & 1 for i in range(min(p, q))], dtype=float)
        term = log_hidden_summed(rbm, bits) if p < q else log_visible_summed(rbm, 2 * bits - 1)
        log_Z = np.logaddexp(log_Z, term)
    return [log_hidden_summed(rbm, v) - log_Z for v in X]

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(rbm, X, batch_size, step_size, epochs, generator):
    """Hidden units are numbers of True and False, and NumPy draws, from a seed of the generator."""
    rng = np.random.default_rng(generator.initial_seed())
    W, b, c = rbm["W"].copy(), rbm["b"].copy(), rbm["c"].copy()
    for _ in range(epochs):
        rows = rng.permutation(X)
        while len(rows):
            x, rows = rows[:batch_size], rows[batch_size:]
            on = rng.random((len(x), len(c))) < 0.5 * (1 + np.tanh(c + x @ W))
            drive = b - W.sum(1) + 2 * on @ W.T
            v = (rng.logistic(size=x.shape) < drive) * 1.0
            up, down = np.tanh(c + x @ W), np.tanh(c + v @ W)
            W += step_size * np.einsum("ni,nj->ij", x, up) / len(x)
            W -= step_size * np.einsum("ni,nj->ij", v, down) / len(x)
            b += step_size * (x.mean(0) - v.mean(0))
            c += step_size * (up.mean(0) - down.mean(0))
    return {"W": W, "b": b, "c": c}

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def piecewise(rbm, X, blocks):
    """Row by row, block by block, value by value."""
    result = []
    for x in X:
        total = 0.0
        for block in blocks:
            v, terms = x.copy(), []
            for values in itertools.product((0, 1), repeat=len(block)):
                v[block] = values
                terms.append(log_hidden_summed(rbm, v))
            total += log_hidden_summed(rbm, x) - np.logaddexp.reduce(terms)
        result.append(total)
    return result

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def annealed_log_weights(rbm, base, betas, chains, generator):
    """The constant apart, the difference of each step by itself; NumPy draws."""
    rng = np.random.default_rng(generator.initial_seed())
    W, b, c = rbm["W"], rbm["b"], rbm["c"]
    v = (rng.logistic(size=(chains, len(b))) < base) * 1.0
    total = np.zeros(chains)
    for k in range(1, len(betas)):
        drive = np.abs(c + v @ W)
        total += (betas[k] - betas[k - 1]) * (v @ (b - base) + drive.sum(1))
        total += np.log1p(np.exp(-2 * betas[k] * drive)).sum(1)
        total -= np.log1p(np.exp(-2 * betas[k - 1] * drive)).sum(1)
        if k < len(betas) - 1:
            h = np.sign(np.tanh(betas[k] * (c + v @ W)) - rng.uniform(-1, 1, size=drive.shape))
            on = (1 - betas[k]) * base + betas[k] * (b + h @ W.T)
            v = (rng.logistic(size=v.shape) < on) * 1.0
    return total + np.log1p(np.exp(base)).sum() + len(c) * np.log(2)
