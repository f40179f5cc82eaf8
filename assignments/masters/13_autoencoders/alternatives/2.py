# %%
import math


# %% nbgrader={"grade": false, "grade_id": "q1-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_plane(x, weights, M):
    """With loops, and a power iteration with deflation."""
    total = sum(weights)
    N, D = x.shape
    mean = [sum(w * row[d] for w, row in zip(weights, x, strict=True)) / total for d in range(D)]
    S = np.zeros((D, D))
    for w, row in zip(weights, x, strict=True):
        S += w / total * np.outer(row - mean, row - mean)
    rest, trace, found = S.copy(), np.trace(S), []
    for _ in range(M):
        u = np.ones(D) / math.sqrt(D) + 0.01 * np.cos(np.arange(D))
        for _ in range(20_000):
            new = rest @ u
            new /= math.sqrt(new @ new)
            if np.abs(new - u).max() < 1e-14:
                break
            u = new
        found.append((u @ rest @ u, u))
        rest = rest - found[-1][0] * np.outer(u, u)
    noise = (trace - sum(value for value, _ in found)) / (D - M)
    return mean, [[math.sqrt(v - noise) * u[d] for v, u in found] for d in range(D)], noise


# %% nbgrader={"grade": false, "grade_id": "q1-law", "locked": false, "schema_version": 3, "solution": true, "task": false}
def factor_log_prob(x, mean, G, noise):
    """One column of G after the other: each is one more direction (Sherman and Morrison)."""
    inverse = 1 / noise**2
    log_det = -np.log(inverse).sum()
    bent, scales = [], []  # Σ⁻¹ = diag - Σ_m bent bentᵀ / scale

    def solve(v):
        out = inverse * v
        for b, s in zip(bent, scales, strict=True):
            out = out - b * (b @ v) / s
        return out

    for m in range(G.shape[1]):
        b = solve(G[:, m])
        s = 1 + float(G[:, m] @ b)
        log_det += math.log(s)
        bent.append(b)
        scales.append(s)
    result = []
    for row in x:
        away = row - mean
        result.append(-(away @ solve(away) + log_det + len(mean) * math.log(2 * math.pi)) / 2)
    return result


# %%
def log_sum(values):
    """log-sum-exp of a list."""
    top = max(values)
    return top + math.log(math.fsum(math.exp(one - top) for one in values))


def parts_of(law, j, s):
    """The logarithms of the parts of source j's density at s."""
    return [
        math.log(p / t) - ((s - m) / t) ** 2 / 2 - math.log(2 * math.pi) / 2
        for p, m, t in zip(law["weights"][j], law["means"][j], law["stds"][j], strict=True)
    ]


# %% nbgrader={"grade": false, "grade_id": "q2-law", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ica_log_prob(x, mean, W, law):
    """Source by source; the determinant from singular values."""
    volume = sum(math.log(one) for one in np.linalg.svd(W)[1])
    result = []
    for row in x:
        s = W @ (row - mean)
        result.append(volume + sum(log_sum(parts_of(law, j, s[j])) for j in range(len(s))))
    return result


# %% nbgrader={"grade": false, "grade_id": "q2-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def natural_step(x, mean, W, law, step_size):
    """Example by example."""
    D = len(mean)
    total = np.eye(D).tolist()
    for row in x:
        s = [float(W[j] @ (row - mean)) for j in range(D)]
        for j in range(D):
            logs = parts_of(law, j, s[j])
            shares = [math.exp(one - log_sum(logs)) for one in logs]
            psi = sum(
                share * (m - s[j]) / t**2
                for share, m, t in zip(shares, law["means"][j], law["stds"][j], strict=True)
            )
            for k in range(D):
                total[j][k] += psi * s[k] / len(x)
    return [
        [W[i, k] + step_size * sum(total[i][j] * W[j, k] for j in range(D)) for k in range(D)]
        for i in range(D)
    ]


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate(mean, L, prior_mean, prior_std):
    """Number by number."""
    result = []
    for mu, triangle in zip(mean.tolist(), L.tolist(), strict=True):
        total = 0.0
        for j, row in enumerate(triangle):
            m, s = float(prior_mean[j]), float(prior_std[j])
            total += (math.fsum(one * one for one in row) + (mu[j] - m) ** 2) / (2 * s * s)
            total += math.log(s / row[j]) - 0.5
        result.append(total)
    return result


# %% nbgrader={"grade": false, "grade_id": "q4-terms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_terms(params, x, eps):
    """Pixel by pixel; returns lists."""

    def log_sigma(a):
        return -math.log1p(math.exp(-a)) if a > 0 else a - math.log1p(math.exp(a))

    costs, losses = [], []
    for b in range(len(x)):
        out = net(params["encoder"], x[b : b + 1] / 8 - 1)[0].tolist()
        M = len(out) // 2
        costs.append(sum(out[j] ** 2 + math.exp(out[M + j]) - 1 - out[M + j] for j in range(M)) / 2)
        loss = 0.0
        for noise in eps[:, b]:
            z = [out[j] + math.exp(out[M + j] / 2) * noise[j] for j in range(M)]
            for a, k in zip(net(params["decoder"], np.array([z]))[0], x[b].tolist(), strict=True):
                loss -= math.log(math.comb(16, k)) + k * log_sigma(a) + (16 - k) * log_sigma(-a)
        losses.append(loss / len(eps))
    return costs, losses


# %% nbgrader={"grade": false, "grade_id": "q4-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_gradient(params, x, eps):
    """Draw by draw, with the Jacobian of the decoder written out."""
    W, c, V, e = (params["decoder"][name] for name in "WcVe")
    by_mean, by_log_var = [], []
    for b in range(len(x)):
        out = net(params["encoder"], x[b][None] / 8 - 1)[0]
        M = len(out) // 2
        std = np.exp(out[M:]) ** 0.5
        up, down = -out[:M], (1 - std**2) / 2
        for noise in eps[:, b]:
            h = np.tanh(W @ (out[:M] + std * noise) + c)
            J = V @ np.diag(1 - h * h) @ W  # ∂a/∂z, (D, M)
            drops = 16 / (1 + np.exp(-(V @ h + e)))
            pull = J.T @ (x[b] - drops) / len(eps)
            up, down = up + pull, down + pull * noise * std / 2
        by_mean.append(up.tolist())
        by_log_var.append(down.tolist())
    return by_mean, by_log_var


# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jackknife(log_w):
    """Image by image, with lists."""
    K, rows = len(log_w), []
    for image in log_w.T.tolist():
        full = log_sum(image) - math.log(K)
        less = 0.0
        for i in range(K):
            less += (log_sum(image[:i] + image[i + 1 :]) - math.log(K - 1)) / K
        rows.append((full, less, K * full - (K - 1) * less))
    return list(zip(*rows, strict=True))


# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split_rate(mean, std):
    """Simpson's rule around each law, one after the other."""
    N, M = mean.shape
    u = np.linspace(-8, 8, 1601)
    simpson = np.where(np.arange(1601) % 2, 4.0, 2.0)
    simpson[[0, -1]] = 1
    phi = np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi) * simpson * (u[1] - u[0]) / 3
    columns = []
    for j in range(M):
        rates, information = 0.0, 0.0
        for n in range(N):
            m, s = float(mean[n, j]), float(std[n, j])
            rates += (m * m + s * s - 1) / 2 - math.log(s)
            z = m + s * u
            q_bar = np.zeros(len(u))
            for k in range(N):
                q_bar += np.exp(-(((z - mean[k, j]) / std[k, j]) ** 2) / 2) / std[k, j] / N
            information += phi @ (-(u**2) / 2 - math.log(s) - np.log(q_bar))
        columns.append((rates / N, information / N, (rates - information) / N))
    return [list(row) for row in zip(*columns, strict=True)]


# %% nbgrader={"grade": false, "grade_id": "q7", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, generator):
    """In NumPy, with the gradients and Adam by hand."""
    rng, M, H, batch = np.random.default_rng(generator.initial_seed()), 14, 96, 40
    N, D = images.shape
    ink = (images.mean(0) + 0.1) / 16.2
    weights = [
        *(rng.normal(size=(H, D)) / math.sqrt(D), np.zeros(H)),
        *(rng.normal(size=(2 * M, H)) * 0.02, np.zeros(2 * M)),
        *(rng.normal(size=(H, M)) / math.sqrt(M), np.zeros(H)),
        *(rng.normal(size=(D, H)) * 0.02, np.log(ink / (1 - ink))),
    ]
    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    steps = 80 * max(N // batch, 1)
    for step in range(steps):
        W, c, V, e, A, a, B, b = weights
        x = images[rng.integers(N, size=batch)].astype(float)
        v = x / 8 - 1
        h = np.tanh(v @ W.T + c)
        mean, log_var = np.split(h @ V.T + e, 2, axis=1)
        eps, std = rng.normal(size=mean.shape), np.exp(log_var / 2)
        z = mean + std * eps
        g = np.tanh(z @ A.T + a)
        error = (16 * special.expit(g @ B.T + b) - x) / batch  # of the loss, by log-odds
        bent = (error @ B) * (1 - g**2)
        to_z = bent @ A
        to_mean, to_log_var = to_z + mean / batch, to_z * eps * std / 2 + (std**2 - 1) / 2 / batch
        out = np.hstack([to_mean, to_log_var])
        back = (out @ V) * (1 - h**2)
        slopes = [back.T @ v, back.sum(0), out.T @ h, out.sum(0)]
        slopes += [bent.T @ z, bent.sum(0), error.T @ g, error.sum(0)]
        rate_now = 6e-3 * (1 + math.cos(math.pi * step / steps)) / 2
        for w, m, s, slope in zip(weights, first, second, slopes, strict=True):
            m += 0.1 * (slope - m)
            s += 0.001 * (slope**2 - s)
            w -= (
                rate_now
                * m
                / (1 - 0.9 ** (step + 1))
                / (np.sqrt(s / (1 - 0.999 ** (step + 1))) + 1e-8)
            )
    weights = [w.tolist() for w in weights]
    encoder = dict(zip("WcVe", weights[:4], strict=True))
    return {"encoder": encoder, "decoder": dict(zip("WcVe", weights[4:], strict=True))}
