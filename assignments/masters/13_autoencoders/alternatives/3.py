# %%
from scipy import integrate, linalg, stats


# %% nbgrader={"grade": false, "grade_id": "q1-fit", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_plane(x, weights, M):
    """From inner products of examples where these are fewer: the smaller of two matrices."""
    share = weights / np.sum(weights)
    away = x - np.average(x, axis=0, weights=weights)
    rows = away * share[:, None] ** 0.5
    gram = rows @ rows.T
    values, vectors = linalg.eigh(gram)
    values, vectors = values[::-1][:M], vectors[:, ::-1][:, :M]
    noise = (np.trace(gram) - values.sum()) / (x.shape[1] - M)
    axes = rows.T @ vectors / np.sqrt(values)
    return {"mean": x[0] - away[0], "G": axes * (values - noise) ** 0.5, "s": noise}.values()


# %% nbgrader={"grade": false, "grade_id": "q1-law", "locked": false, "schema_version": 3, "solution": true, "task": false}
def factor_log_prob(x, mean, G, noise):
    """In the singular directions of the loadings, each pixel divided by its noise."""
    y = (np.asarray(x) - mean) / noise
    axes, size, _ = linalg.svd(G / noise[:, None], full_matrices=False)
    along = y @ axes
    outside = np.einsum("bd,bd->b", y, y) - np.einsum("bm,bm->b", along, along)
    D, M = G.shape
    inside = stats.norm(scale=np.sqrt(1 + size**2)).logpdf(along).sum(axis=1)
    return inside - outside / 2 - (D - M) / 2 * np.log(2 * np.pi) - np.log(noise).sum()


# %% nbgrader={"grade": false, "grade_id": "q2-law", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ica_log_prob(x, mean, W, law):
    """Part by part: log-add-exp; the determinant from a QR decomposition."""
    s = np.einsum("ij,bj->bi", W, x - mean)
    log_p = np.full(s.shape, -np.inf)
    for c in range(law["weights"].shape[1]):
        part = stats.norm(law["means"][:, c], law["stds"][:, c]).logpdf(s)
        log_p = np.logaddexp(log_p, part + np.log(law["weights"][:, c]))
    return log_p.sum(-1) + np.log(np.abs(np.diag(linalg.qr(W, mode="r")[0]))).sum()


# %% nbgrader={"grade": false, "grade_id": "q2-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def natural_step(x, mean, W, law, step_size):
    """The ordinary gradient, and then Wᵀ W."""
    away = x - mean
    s = away @ W.T
    precision = law["stds"] ** -2.0
    height = np.log(law["weights"]) + np.log(precision) / 2
    log_f = height - (s[..., None] - law["means"]) ** 2 * precision / 2
    share = np.exp(log_f - log_f.max(-1, keepdims=True))
    share /= share.sum(-1, keepdims=True)
    psi = np.einsum("bdc,bdc->bd", share, (law["means"] - s[..., None]) * precision)
    gradient = linalg.inv(W).T + np.einsum("bi,bj->ij", psi, away) / len(x)
    return W + step_size * gradient @ (W.T @ W)


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rate(mean, L, prior_mean, prior_std):
    """From whole covariances, after the prior was made standard."""
    A = L / prior_std[:, None]
    away = (mean - prior_mean) / prior_std
    Q = np.einsum("bij,bkj->bik", A, A)
    log_det = np.linalg.slogdet(Q)[1]
    trace = np.trace(Q, axis1=1, axis2=2)
    return (trace + np.einsum("bi,bi->b", away, away) - L.shape[-1] - log_det) * 0.5


# %% nbgrader={"grade": false, "grade_id": "q4-terms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_terms(params, x, eps):
    """Sums in single precision, draw by draw; the number of ways from a table."""
    out = net(params["encoder"], x / 8 - 1)
    M = out.shape[1] // 2
    variance = np.exp(out[:, M:])
    price = 0.5 * (out[:, :M] ** 2 + variance - np.log(variance) - 1).sum(axis=-1)
    ways = np.log(special.comb(16, np.arange(17)))[x].sum(axis=1)
    total = np.zeros(len(x), dtype=np.float32)
    for noise in eps:
        a = net(params["decoder"], out[:, :M] + variance**0.5 * noise)
        miss = x * np.logaddexp(0, -a) + (16 - x) * np.logaddexp(0, a)
        total += miss.sum(axis=1).astype(np.float32)
    return [price.astype(np.float32), total / len(eps) - ways]


# %% nbgrader={"grade": false, "grade_id": "q4-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_gradient(params, x, eps):
    """By einsum, all draws at once; the posterior's natural numbers at the end."""
    out = net(params["encoder"], x / 8 - 1)
    mean, variance = out[:, : eps.shape[2]], np.exp(out[:, eps.shape[2] :])
    p = params["decoder"]
    z = mean[None] + np.sqrt(variance)[None] * eps
    bend = np.cosh(np.einsum("hm,rbm->rbh", p["W"], z) + p["c"]) ** -2
    a = net(p, z.reshape(-1, z.shape[2])).reshape(*z.shape[:2], -1)
    rest = x[None] - 8 * (1 + np.tanh(a / 2))
    slope = np.einsum("rbd,dh,rbh,hm->rbm", rest, p["V"], bend, p["W"]) / len(eps)
    by_variance = np.einsum("rbm,rbm->bm", slope, eps) / np.sqrt(variance) / 2
    by_variance += (1 / variance - 1) / 2
    return slope.sum(0) - mean, by_variance * variance


# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jackknife(log_w):
    """Sums of all before and all after, from both ends."""
    K = np.float64(len(log_w))
    nothing = np.full((1, log_w.shape[1]), -np.inf)
    before = np.concatenate([nothing, np.logaddexp.accumulate(log_w)])
    after = np.concatenate([nothing, np.logaddexp.accumulate(log_w[::-1])])[::-1]
    less = np.logaddexp(before[:-1], after[1:]).mean(axis=0) - np.log(K - 1)
    full = before[-1] - np.log(K)
    return np.array([full, less, full + (K - 1) * (full - less)])


# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split_rate(mean, std):
    """A library's integrals, between points that lie close where laws are narrow."""
    columns = []
    for m, s in zip(mean.T, std.T, strict=True):

        def density(z, m=m, s=s):
            return np.mean(stats.norm.pdf(z, m, s))

        def surprise(z, density=density):
            q = density(z)
            return special.xlogy(q, q) if q else 0.0

        marks = np.unique(np.concatenate([m + k * s for k in (-9, -6, -3, -1, 0, 1, 3, 6, 9)]))
        minus_entropy = sum(
            integrate.fixed_quad(np.vectorize(surprise), a, b, n=12)[0]
            for a, b in zip(marks[:-1], marks[1:], strict=True)
        )
        square = np.mean(m**2 + s**2)
        mismatch = minus_entropy + (square + np.log(2 * np.pi)) / 2
        rate_here = (square - 1) / 2 - np.mean(np.log(s))
        columns.append([rate_here, rate_here - mismatch, mismatch])
    return np.array(columns).T


# %% nbgrader={"grade": false, "grade_id": "q7", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, generator):
    """With the price raised slowly, two draws a step, and another optimiser."""
    x = torch.as_tensor(np.asarray(images, dtype=np.float32))
    D, M, H = x.shape[1], 16, 120

    def normal(*shape):
        return torch.randn(shape, generator=generator)

    p = {
        "W": normal(H, D) / D**0.5, "c": torch.zeros(H), "V": normal(2 * M, H) / 90, "e": torch.zeros(2 * M),
        "A": normal(H, M) / 4, "a": torch.zeros(H), "B": normal(D, H) / 90,
        "b": torch.special.logit(x.mean(0) / 16, eps=0.01),
    }  # fmt: skip
    for one in p.values():
        one.requires_grad_()
    optimizer = torch.optim.NAdam(p.values(), lr=4e-3)
    steps = 1200
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1.0, 2 - 2 * step / steps)
        y = x[torch.randint(len(x), (64,), generator=generator)]
        mean, log_var = (torch.tanh((y / 8 - 1) @ p["W"].T + p["c"]) @ p["V"].T + p["e"]).chunk(
            2, 1
        )
        z = mean + (log_var / 2).exp() * normal(2, *mean.shape)
        a = torch.tanh(z @ p["A"].T + p["a"]) @ p["B"].T + p["b"]
        miss = torch.nn.functional.binary_cross_entropy_with_logits(
            a, (y / 16).expand_as(a), reduction="sum"
        )
        price = -0.5 * (1 + log_var - mean.pow(2) - log_var.exp()).sum()
        loss = (8 * miss + min(1.0, 4 * step / steps) * price) / len(y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    p = {name: one.detach().numpy() for name, one in p.items()}
    return {
        "encoder": {name: p[name] for name in "WcVe"},
        "decoder": dict(zip("WcVe", (p[name] for name in "AaBb"), strict=True)),
    }
