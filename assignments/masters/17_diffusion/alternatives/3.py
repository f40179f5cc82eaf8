# %%
from scipy import linalg, stats


# %% nbgrader={"grade": false, "grade_id": "q1-jump", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jump(beta, s, t):
    """Frame by frame."""
    a = np.ones(beta.shape[1])
    variance = np.zeros_like(a)
    for row in beta[s:t]:
        a, variance = a * np.sqrt(1 - row), variance * (1 - row) + row
    return np.stack([a, np.sqrt(variance)])


# %% nbgrader={"grade": false, "grade_id": "q1-between", "locked": false, "schema_version": 3, "solution": true, "task": false}
def between(beta, s, t, x, z):
    """From the joint law of the two frames, by its covariances."""
    alpha_bar = np.vstack([np.ones(beta.shape[1]), np.cumprod(1 - beta, axis=0)])
    at_s, at_t = np.sqrt(alpha_bar[s]), np.sqrt(alpha_bar[t])
    shared = at_t / at_s * (1 - alpha_bar[s])
    slope = shared / (1 - alpha_bar[t])
    mean = at_s * x + slope * (z - at_t * x)
    return {"mean": mean, "variance": 1 - alpha_bar[s] - slope * shared}.values()


# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def film_costs(x, beta, gain, shift, variance):
    """By quadrature over each z_t, exact for polynomials."""
    u, weight = np.polynomial.hermite_e.hermegauss(5)
    weight = weight / weight.sum()
    alpha_bar = np.exp(np.cumsum(np.log1p(-beta)))
    B, D = x.shape
    read, steps = np.zeros(B), np.zeros(B)
    for t in range(len(beta)):
        z = np.sqrt(alpha_bar[t]) * x[..., None] + np.sqrt(1 - alpha_bar[t]) * u
        guess = gain[t] * z + shift[t][:, None]
        if t == 0:
            log_p = stats.norm.logpdf(x[..., None], guess, np.sqrt(variance[0]))
            read -= (log_p @ weight).sum(1)
            continue
        snr = [alpha_bar[i] / (1 - alpha_bar[i]) for i in (t - 1, t)]
        tilde = beta[t] * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t])
        equal = (snr[0] - snr[1]) / 2 * ((x[..., None] - guess) ** 2 @ weight).sum(1)
        steps += tilde / variance[t] * equal
        steps += D * (tilde / variance[t] - 1 + np.log(variance[t]) - np.log(tilde)) / 2
    s2 = 1 - alpha_bar[-1]
    end = 0.5 * np.sum(alpha_bar[-1] * x**2 + s2 - 1 - np.log(s2), axis=1)
    return [read, end, steps]


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def translate(kind, value, z, alpha, sigma, d_alpha, d_sigma):
    """All by way of x."""
    a, s, da, ds = (np.reshape(one, (-1, 1)) for one in (alpha, sigma, d_alpha, d_sigma))
    match kind:
        case "x":
            x = value
        case "noise":
            x = (z - s * value) / a
        case "score":
            x = (z + s * s * value) / a
        case "velocity":
            x = (ds * z - s * value) / (ds * a - s * da)
    eps = (z - a * x) / s
    return {"x": x, "noise": eps, "score": -eps / s, "velocity": da * x + ds * eps}.values()


# %% nbgrader={"grade": false, "grade_id": "q4-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_guess(logits, z, values, alpha, sigma):
    """z² is the same for all levels, and left out."""
    snr = (alpha / sigma) ** 2
    tilt = (alpha / sigma**2)[:, None] * z
    logits = logits + tilt[..., None] * values - (snr[:, None, None] / 2) * values**2
    p = np.exp(logits - special.logsumexp(logits, axis=-1, keepdims=True))
    guess = np.einsum("bdk,k->bd", p, values)
    off = np.subtract.outer(-guess, -values)
    return [guess, np.einsum("bdk,bdk,bdk->bd", p, off, off) * (alpha / sigma**2)[:, None]]


# %% nbgrader={"grade": false, "grade_id": "q4-costs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_costs(p, values, log_snr):
    """Simpson's rule in z, level by level."""
    from scipy import integrate

    snr, cost = np.exp(log_snr), np.zeros(len(p))
    for k in range(len(p)):
        kept = snr[-1] / (1 + snr[-1])
        cost[k] = 0.5 * (kept * values[k] ** 2 - kept + np.log1p(snr[-1]))
        for t in range(len(snr)):
            a, s = np.sqrt(snr[t] / (1 + snr[t])), np.sqrt(1 / (1 + snr[t]))
            z = np.linspace(a * values[k] - 9 * s, a * values[k] + 9 * s, 3001)
            law = stats.norm.pdf(z, a * values[k], s)
            heights = np.log(p) + stats.norm.logpdf(z[:, None], a * values, s)
            rest = special.logsumexp(heights, axis=1)
            if t == 0:
                inner = rest - heights[:, k]
            else:
                inner = (values[k] - np.exp(heights - rest[:, None]) @ values) ** 2
                inner = inner * (snr[t - 1] - snr[t]) / 2
            cost[k] += integrate.simpson(law * inner, x=z)
    return cost.tolist()


# %% nbgrader={"grade": false, "grade_id": "q5-share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ancestral_share(alpha, sigma, alpha_next, sigma_next):
    """The posterior's deviation over the deviation of the next noise."""
    c = alpha / alpha_next
    joint = np.array([[sigma_next**2, c * sigma_next**2], [c * sigma_next**2, sigma**2]])
    left = joint[0, 0] - joint[0, 1] ** 2 / joint[1, 1]
    return np.float32(np.sqrt(left) / sigma_next)


# %% nbgrader={"grade": false, "grade_id": "q5-walk", "locked": false, "schema_version": 3, "solution": true, "task": false}
def walk(params, z, alphas, sigmas, shares, noise):
    """In y = z / α and r = σ / α."""
    r = np.asarray(sigmas) / alphas
    y = np.asarray(z) / alphas[0]
    for i, rho in enumerate(shares):
        x = guess_of(params, alphas[i] * y, alphas[i], sigmas[i])
        keeps = r[i + 1] / r[i] * np.sqrt((1 - rho) * (1 + rho))
        y = x + keeps * (y - x) + r[i + 1] * rho * noise[i]
    return y * alphas[-1]


# %% nbgrader={"grade": false, "grade_id": "q5-heun", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heun(params, z, alphas, sigmas):
    """The trapezium's rule with a slope for each end."""

    def noise(y, a, s):
        return (a * y - a * guess_of(params, a * y, a, s)) / s

    y = z / alphas[0]
    levels = list(zip(alphas, sigmas, strict=True))
    for before, after in zip(levels, levels[1:], strict=False):
        width = after[1] / after[0] - before[1] / before[0]
        one = noise(y, *before)
        two = noise(y + width * one, *after)
        y = y + np.mean([one, two], axis=0) * width
    return y * levels[-1][0]


# %% nbgrader={"grade": false, "grade_id": "q6-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def guided_guess(law, w, z, alpha, sigma):
    """Tweedie's formula, with the slopes by hand; classes by weights of zero."""
    D = z.shape[1]

    def score(weights):
        with np.errstate(divide="ignore"):
            heights = np.log(weights)[:, None] + np.zeros(len(z))
        slopes = []
        for k, (mean, cov) in enumerate(zip(law["means"], law["covariances"], strict=True)):
            root = linalg.cholesky(alpha**2 * cov + sigma**2 * np.eye(D), lower=True)
            away = linalg.solve_triangular(root, (z - alpha * mean).T, lower=True)
            heights[k] -= (away**2).sum(0) / 2 + np.log(np.diag(root)).sum()
            slopes.append(-linalg.solve_triangular(root.T, away))
        r = np.exp(heights - special.logsumexp(heights, axis=0))
        return np.einsum("cb,cdb->bd", r, np.array(slopes))

    every, some = score(law["weights"]), score(law["weights"] * law["member"])
    return (z + sigma**2 * ((1 - w) * every + w * some)) / alpha


# %% nbgrader={"grade": false, "grade_id": "q6-normal", "locked": false, "schema_version": 3, "solution": true, "task": false}
def guided_normal(class_mean, class_std, mean, std, w, start):
    """The deviation by the formula, the mean by a library's integral in u = log of σ² + s_c²."""
    from scipy import integrate

    a, b = class_std**2, std**2

    def inner(u):
        v = np.exp(u)  # σ² + a
        other = v - a + b
        by = (a / v) ** (w / 2) * (b / other) ** ((1 - w) / 2)
        return by * (w * class_mean / v + (1 - w) * mean / other) * v / 2

    centre, _ = integrate.quad(inner, np.log(a), np.log(start**2 + a), epsabs=1e-9, limit=200)
    drawn = start * (1 + start**2 / a) ** (-w / 2) * (1 + start**2 / b) ** ((w - 1) / 2)
    natural = np.array([class_mean / a, 1 / a]) * w + np.array([mean / b, 1 / b]) * (1 - w)
    return [(centre, drawn), (natural[0] / natural[1], natural[1] ** -0.5)]


# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, generator):
    """No network: ridge regression on what the table guesses, at fifteen noise levels."""
    x = np.asarray(images) / 8 - 1.0
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    N, D = x.shape
    e = np.linspace(-1, 1, 17)
    table = np.log(np.stack([(np.asarray(images) == k).sum(0) for k in range(17)], 1) + 0.3)
    maps = []
    for level in np.arange(-5.0, 10):
        a, s = np.sqrt(special.expit([level, -level]))
        top, bottom = 0.0, 0.0
        for _ in range(4):
            z = a * x + s * rng.normal(size=x.shape)
            p = special.softmax(table - ((z[..., None] - a * e) / s) ** 2 / 2, axis=2)
            first = p @ e
            left = p @ e**2 - first**2
            told = np.hstack([first, left, np.ones((N, 1))])
            top = top + told.T @ (x - first)
            bottom = bottom + told.T @ told
        maps.append(np.linalg.solve(bottom + 40 * np.eye(len(bottom)), top))
    return {"table": table, "maps": np.array(maps)}


# %% nbgrader={"grade": false, "grade_id": "q7-denoise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def denoise(params, z, log_snr):
    """Between two noise levels, a mean of their maps."""
    e, table, maps = np.linspace(-1, 1, 17), params["table"], params["maps"]
    out = np.zeros(z.shape)
    for b, level in enumerate(np.clip(log_snr, -5, 8.999)):
        a, s = np.sqrt(special.expit([level, -level]))
        p = special.softmax(table - ((z[b][:, None] - a * e) / s) ** 2 / 2, axis=1)
        first = p @ e
        told = np.concatenate([first, p @ e**2 - first**2, [1.0]])
        k = int(level + 5)
        share = level + 5 - k
        out[b] = first + told @ ((1 - share) * maps[k] + share * maps[k + 1])
    return out
