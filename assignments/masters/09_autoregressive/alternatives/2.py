# %%
import bisect
import math

# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_chain(x, levels, smoothing):
    """Pixel by pixel."""
    start, transition = [smoothing] * levels, [[smoothing] * levels for _ in range(levels)]
    for row in x.tolist():
        start[row[0]] += 1
        for j, k in zip(row, row[1:], strict=False):
            transition[j][k] += 1
    for j, row in enumerate(transition):
        transition[j] = [n / sum(row) for n in row] if sum(row) else [1 / levels] * levels
    return [n / sum(start) for n in start], transition

# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score(x, logits):
    """Pixel by pixel, in long double precision."""
    B, D = x.shape
    total = np.longdouble(0)
    for i, d in np.ndindex(B, D):
        top = max(logits[i, d])
        total -= logits[i, d, x[i, d]] - top
        total += np.log(sum(np.exp(np.longdouble(one - top)) for one in logits[i, d]))
    return {"nats": total / B, "bits_per_dim": total / B / D / np.log(np.longdouble(2))}

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def causal_convolution(x, weight, bias, dilation):
    """Position by position."""
    (B, D), (C, L) = x.shape, weight.shape
    y = np.zeros((B, C, D), dtype=np.float32)
    for i in range(B):
        for c in range(C):
            for d in range(D):
                y[i, c, d] = bias[c]
                for l in range(L):
                    if d - 1 - l * dilation >= 0:
                        y[i, c, d] += weight[c, l] * x[i, d - 1 - l * dilation]
    return y

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_missing(x, d, start, transition, generator):
    """Image by image, by the inverse of the distribution function; returns a list."""
    u = torch.rand(len(x), generator=generator, dtype=torch.float64).tolist()
    start, transition = start.tolist(), transition.tolist()
    draws = []
    for row, number in zip(x.tolist(), u, strict=True):
        below = [0.0]
        for k in range(len(start)):
            before = transition[row[d - 1]][k] if d > 0 else start[k]
            after = transition[k][row[d + 1]] if d < len(row) - 1 else 1
            below.append(below[-1] + before * after)
        draws.append(min(bisect.bisect_right(below, number * below[-1]), len(start)) - 1)
    return draws

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(params, x):
    """Image by image, position by position."""
    K, L = len(params["W"]), params["V"].shape[1]
    result = []
    for row in x.tolist():
        total, past = 0.0, [0.0] * L
        for d, level in enumerate(row):
            hidden = [max(0.0, float(v @ past) + c) for v, c in zip(params["V"], params["c"], strict=True)]
            logits = params["W"] @ hidden + params["b"][d]
            total += logits[level] - np.logaddexp.reduce(logits)
            past = [*past[1:], 2 * level / (K - 1) - 1]
        result.append(total)
    return np.array(result)

# %%
class Adam:
    """Adam for arrays that are changed in place, with weights that decay."""

    def __init__(self, weights):
        self.weights, self.t = weights, 0
        self.first = [np.zeros_like(w) for w in weights]
        self.second = [np.zeros_like(w) for w in weights]

    def step(self, slopes, rate):
        self.t += 1
        for w, m, s, slope in zip(self.weights, self.first, self.second, slopes, strict=True):
            m += 0.1 * (slope - m)
            s += 0.001 * (slope**2 - s)
            step = m / (1 - 0.9**self.t) / (np.sqrt(s / (1 - 0.999**self.t)) + 1e-8)
            w -= (rate * step + 0.03 * rate * w).astype(w.dtype)

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, levels, generator):
    """In NumPy, with the gradient by hand."""
    rng = np.random.default_rng(generator.initial_seed())
    (N, D), L, M = images.shape, 18, 64
    padded = np.pad(2 * images / (levels - 1) - 1, ((0, 0), (L, 0)))[:, :-1].astype(np.float32)
    past = np.lib.stride_tricks.sliding_window_view(padded, L, axis=1)
    onehot = np.eye(levels, dtype=np.float32)[images]
    count = onehot.sum(0) + 0.1
    V = rng.normal(scale=L**-0.5, size=(M, L)).astype(np.float32)
    c, W = np.zeros(M, dtype=np.float32), np.zeros((levels, M), dtype=np.float32)
    b = np.log(count / count.sum(1, keepdims=True))
    optimizer, epochs, batch = Adam([V, c, W, b]), 12, 25
    for epoch in range(epochs):
        rate = 2e-3 * (1 + math.cos(math.pi * epoch / epochs))
        for rows in np.array_split(rng.permutation(N), max(1, N // batch)):
            s = past[rows].reshape(-1, L)
            a = np.maximum(s @ V.T + c, 0)
            logits = (a @ W.T).reshape(-1, D, levels) + b
            e = np.exp(logits - logits.max(-1, keepdims=True))
            error = (e / e.sum(-1, keepdims=True) - onehot[rows]) / (len(rows) * D)
            flat = error.reshape(-1, levels)
            back = (flat @ W) * (a > 0)
            optimizer.step([back.T @ s, back.sum(0), flat.T @ a, error.sum(0)], rate)
    return {"V": V, "c": c, "W": W, "b": b}

# %% nbgrader={"grade": false, "grade_id": "q7-prob", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_log_probs(layers, x):
    """Number by number; returns nested lists."""
    K, (_, H, W) = len(layers[-1][1]), x.shape
    result = []
    for image in x.tolist():
        a = [[[2 * level / (K - 1) - 1 for level in row] for row in image]]
        for number, (weight, bias) in enumerate(layers):
            r, weight = len(weight[0, 0]) // 2, weight.tolist()
            h = [[[start] * W for _ in range(H)] for start in bias.tolist()]
            for i in range(H):
                for j in range(W):
                    for e in range(max(i - r, 0), i + 1):
                        last = j + r if e < i else j - (number == 0)
                        for f in range(max(j - r, 0), min(last, W - 1) + 1):
                            for out, kernels in zip(h, weight, strict=True):
                                for channel, kernel in zip(a, kernels, strict=True):
                                    out[i][j] += kernel[e - i + r][f - j + r] * channel[e][f]
            a = [[[max(one, 0.0) for one in row] for row in channel] for channel in h]
        log_p = [[0.0] * W for _ in range(H)]
        for i in range(H):
            for j in range(W):
                logits = [channel[i][j] for channel in h]
                top = max(logits)
                total = top + math.log(sum(math.exp(one - top) for one in logits))
                log_p[i][j] = logits[image[i][j]] - total
        result.append(log_p)
    return result

# %% nbgrader={"grade": false, "grade_id": "q7-field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(shape, sizes, place):
    """One way at a time, down through the layers; returns lists of zeros and ones."""
    (H, W), found = shape, {tuple(place)}
    for number, k in list(enumerate(sizes))[::-1]:
        steps = [divmod(n, k) for n in range(k * k // 2 + (number > 0))]
        found = {(i + u - k // 2, j + v - k // 2) for i, j in found for u, v in steps}
        found = {(i, j) for i, j in found if 0 <= i < H and 0 <= j < W}
    return [[int((i, j) in found) for j in range(W)] for i in range(H)]
