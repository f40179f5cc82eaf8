# %%
import math


# %% nbgrader={"grade": false, "grade_id": "q1-jump", "locked": false, "schema_version": 3, "solution": true, "task": false}
def jump(beta, s, t):
    """Pixel by pixel."""
    kept = [math.prod(1 - float(row[d]) for row in beta[s:t]) for d in range(beta.shape[1])]
    return [math.sqrt(k) for k in kept], [math.sqrt(1 - k) for k in kept]


# %% nbgrader={"grade": false, "grade_id": "q1-between", "locked": false, "schema_version": 3, "solution": true, "task": false}
def between(beta, s, t, x, z):
    """One step of Kalman's filter for each pixel: predict z_t from z_s, then correct."""
    mean, variance = [[0.0] * beta.shape[1] for _ in x], []
    for d in range(beta.shape[1]):
        before = math.prod(1 - float(b) for b in beta[:s, d])
        kept = math.prod(1 - float(b) for b in beta[s:t, d])
        prior = 1 - before
        gain = prior * math.sqrt(kept) / (kept * prior + 1 - kept)
        variance.append((1 - gain * math.sqrt(kept)) * prior)
        for b in range(len(x)):
            expected = math.sqrt(before) * float(x[b, d])
            mean[b][d] = expected + gain * (float(z[b, d]) - math.sqrt(kept) * expected)
    return mean, variance


# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def film_costs(x, beta, gain, shift, variance):
    """Number by number; the divergence of two normal laws with its expectation."""
    T, result = len(beta), [[], [], []]
    kept = [math.prod(1 - float(b) for b in beta[: t + 1]) for t in range(T)]
    for row in x.tolist():
        read = end = steps = 0.0
        for d, value in enumerate(row):
            for t in range(T):
                g, v = float(gain[t]), float(variance[t])
                off = value - g * math.sqrt(kept[t]) * value - float(shift[t, d])
                square = off**2 + g**2 * (1 - kept[t])
                if t == 0:
                    read += math.log(2 * math.pi * v) / 2 + square / (2 * v)
                    continue
                share = math.sqrt(kept[t - 1]) * float(beta[t]) / (1 - kept[t])
                tilde = float(beta[t]) * (1 - kept[t - 1]) / (1 - kept[t])
                steps += math.log(v / tilde) / 2 + (tilde + share**2 * square) / (2 * v) - 0.5
            end += (kept[-1] * value**2 + (1 - kept[-1]) - 1 - math.log(1 - kept[-1])) / 2
        for heap, one in zip(result, (read, end, steps), strict=True):
            heap.append(one)
    return tuple(result)


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def translate(kind, value, z, alpha, sigma, d_alpha, d_sigma):
    """Case by case, example by example."""
    rows = []
    for b in range(len(z)):
        a, s, da, ds = (float(one[b]) for one in (alpha, sigma, d_alpha, d_sigma))
        if kind == "noise":
            eps = value[b]
            x = (z[b] - s * eps) / a
        elif kind == "score":
            eps = -s * value[b]
            x = (z[b] + s**2 * value[b]) / a
        elif kind == "x":
            x = value[b]
            eps = (z[b] - a * x) / s
        else:  # eliminate ε
            x = (value[b] - ds / s * z[b]) / (da - ds * a / s)
            eps = (z[b] - a * x) / s
        rows.append([x, eps, (a * x - z[b]) / s**2, da * x + ds * eps])
    return [[row[k].tolist() for row in rows] for k in range(4)]


# %% nbgrader={"grade": false, "grade_id": "q4-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_guess(logits, z, values, alpha, sigma):
    """Pixel by pixel; the variance as a mean of squares less the square of the mean."""
    B, D, _ = logits.shape
    guess, slope = np.zeros((B, D)), np.zeros((B, D))
    for b, d in np.ndindex(B, D):
        a, s = float(alpha[b]), float(sigma[b])
        heights = [
            float(ell) - ((float(z[b, d]) - a * e) / s) ** 2 / 2
            for ell, e in zip(logits[b, d], values.tolist(), strict=True)
        ]
        top = max(heights)
        p = [math.exp(one - top) for one in heights]
        total = math.fsum(p)
        guess[b, d] = sum(q * e for q, e in zip(p, values.tolist(), strict=True)) / total
        spread = sum(q * (e - guess[b, d]) ** 2 for q, e in zip(p, values.tolist(), strict=True))
        slope[b, d] = a * spread / total / s**2
    return guess, slope


# %% nbgrader={"grade": false, "grade_id": "q4-costs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_costs(p, values, log_snr):
    """An adaptive library integral for each term."""
    from scipy import integrate

    def mean(f):
        total, _ = integrate.quad(
            lambda u: f(u) * math.exp(-u * u / 2), -9, 9, limit=60, epsabs=1e-6, epsrel=1e-6
        )
        return total / math.sqrt(2 * math.pi)

    result = []
    for k, value in enumerate(values.tolist()):
        kept = 1 / (1 + math.exp(-log_snr[-1]))
        cost = (kept * value**2 - kept - math.log1p(-kept)) / 2
        for t, level in enumerate(log_snr.tolist()):
            a, s = math.sqrt(1 / (1 + math.exp(-level))), math.sqrt(1 / (1 + math.exp(level)))

            def table(u, a=a, s=s, value=value):
                heights = np.log(p) - (a * (value - values) / s + u) ** 2 / 2
                weights = np.exp(heights - heights.max())
                return weights / weights.sum(), heights

            if t == 0:

                def read(u, table=table, k=k):
                    _, heights = table(u)
                    top = heights.max()
                    return top + math.log(np.exp(heights - top).sum()) - heights[k]

                cost += mean(read)
            else:
                fall = math.exp(log_snr[t - 1]) - math.exp(level)
                cost += (
                    fall / 2 * mean(lambda u, table=table, v=value: (v - table(u)[0] @ values) ** 2)
                )
        result.append(cost)
    return result


# %% nbgrader={"grade": false, "grade_id": "q5-share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ancestral_share(alpha, sigma, alpha_next, sigma_next):
    """From the two signal-to-noise ratios."""
    before, after = (alpha / sigma) ** 2, (alpha_next / sigma_next) ** 2
    return math.sqrt((after - before) / after)


# %% nbgrader={"grade": false, "grade_id": "q5-walk", "locked": false, "schema_version": 3, "solution": true, "task": false}
def walk(params, z, alphas, sigmas, shares, noise):
    """Row by row."""
    result = []
    for b in range(len(z)):
        now = z[b : b + 1]
        for i in range(len(noise)):
            guess = guess_of(params, now, float(alphas[i]), float(sigmas[i]))
            old = (now - alphas[i] * guess) / sigmas[i]
            mixed = [
                math.sqrt(1 - shares[i] ** 2) * one + shares[i] * new
                for one, new in zip(old[0], noise[i, b], strict=True)
            ]
            now = alphas[i + 1] * guess + sigmas[i + 1] * np.array([mixed])
        result.append(now[0].tolist())
    return result


# %% nbgrader={"grade": false, "grade_id": "q5-heun", "locked": false, "schema_version": 3, "solution": true, "task": false}
def heun(params, z, alphas, sigmas):
    """By guesses of x: the predictor is DDIM's step, the corrector mends it."""
    now = np.array(z)
    for i in range(len(alphas) - 1):
        a, s = float(alphas[i]), float(sigmas[i])
        b, t = float(alphas[i + 1]), float(sigmas[i + 1])
        x = guess_of(params, now, a, s)
        eps = (now - a * x) / s
        first = b * x + t * eps
        eps_there = (first - b * guess_of(params, first, b, t)) / t
        now = first + b * (t / b - s / a) * (eps_there - eps) / 2
    return now.tolist()


# %% nbgrader={"grade": false, "grade_id": "q6-guess", "locked": false, "schema_version": 3, "solution": true, "task": false}
def guided_guess(law, w, z, alpha, sigma):
    """Row by row, part by part, with inverses."""
    result = []
    for row in z:
        heights, guesses = [], []
        for weight, mean, cov in zip(law["weights"], law["means"], law["covariances"], strict=True):
            seen = alpha * alpha * cov + sigma * sigma * np.eye(len(row))
            inverse, away = np.linalg.inv(seen), row - alpha * mean
            guesses.append(mean + alpha * cov @ inverse @ away)
            height = -(away @ inverse @ away + math.log(np.linalg.det(seen))) / 2
            heights.append(math.log(weight) + height)
        answers = []
        for chosen in ([True] * len(heights), law["member"].tolist()):
            top = max(h for h, yes in zip(heights, chosen, strict=True) if yes)
            r = [math.exp(h - top) if yes else 0.0 for h, yes in zip(heights, chosen, strict=True)]
            answers.append(sum(one * g for one, g in zip(r, guesses, strict=True)) / sum(r))
        result.append((answers[0] + w * (answers[1] - answers[0])).tolist())
    return result


# %% nbgrader={"grade": false, "grade_id": "q6-normal", "locked": false, "schema_version": 3, "solution": true, "task": false}
def guided_normal(class_mean, class_std, mean, std, w, start):
    """Runge and Kutta's steps, small where σ is small."""

    def field(v, z):  # σ = sinh v
        sigma = math.sinh(v)
        by_class = (z - class_mean) / (sigma**2 + class_std**2)
        by_all = (z - mean) / (sigma**2 + std**2)
        return sigma * (w * by_class + (1 - w) * by_all) * math.cosh(v)

    steps, ends = 2000, []
    for z in (0.0, start):
        v = math.asinh(start)
        h = -v / steps
        for _ in range(steps):
            a = field(v, z)
            b = field(v + h / 2, z + h / 2 * a)
            c = field(v + h / 2, z + h / 2 * b)
            d = field(v + h, z + h * c)
            z, v = z + h / 6 * (a + 2 * b + 2 * c + d), v + h
        ends.append(z)
    spread = 1 / (w / class_std**2 + (1 - w) / std**2)
    tilted = spread * (w * class_mean / class_std**2 + (1 - w) * mean / std**2)
    return [[ends[0], ends[1] - ends[0]], [tilted, math.sqrt(spread)]]


# %% nbgrader={"grade": false, "grade_id": "q7-train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, generator):
    """A correction, in proportion to what the table leaves open; two hidden layers."""
    images = torch.as_tensor(images)
    N, D = images.shape
    table = (torch.nn.functional.one_hot(images.long(), 17).sum(0) + 0.3).log()
    e = torch.linspace(-1, 1, 17)
    sizes = (2 * D + 1, 160, 160, D)
    weights = []
    for a, b in zip(sizes[:-1], sizes[1:], strict=True):
        scale = 0 if b == D else a**-0.5
        weights += [scale * torch.randn(b, a, generator=generator), torch.zeros(b)]
    optimizer = torch.optim.Adam([one.requires_grad_() for one in weights], lr=3e-3)
    for step in range(500):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / 500)
        x = images[torch.randint(N, (128,), generator=generator)] / 8 - 1
        level = torch.rand(128, 1, generator=generator) * 9 - 3
        alpha, sigma = level.sigmoid().sqrt(), (-level).sigmoid().sqrt()
        z = alpha * x + sigma * torch.randn(x.shape, generator=generator)
        p = (table - ((z[..., None] - alpha[..., None] * e) / sigma[..., None]) ** 2 / 2).softmax(2)
        first = p @ e
        left = p @ e**2 - first**2
        h = torch.cat([first, left, level / 3], 1)
        for k in (0, 2):
            h = torch.relu(h @ weights[k].T + weights[k + 1])
        guess = first + left * (h @ weights[4].T + weights[5])
        loss = (level.exp() * (x - guess).square().sum(1, keepdim=True)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {"weights": [one.detach() for one in weights], "table": table}


# %% nbgrader={"grade": false, "grade_id": "q7-denoise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def denoise(params, z, log_snr):
    """The same steps."""
    e, level = np.linspace(-1, 1, 17), np.asarray(log_snr)[:, None]
    alpha, sigma = np.sqrt(special.expit(level)), np.sqrt(special.expit(-level))
    away = (z[..., None] - alpha[..., None] * e) / sigma[..., None]
    p = special.softmax(np.asarray(params["table"]) - away**2 / 2, axis=2)
    first = p @ e
    left = p @ e**2 - first**2
    h = np.hstack([first, left, level / 3])
    w = [np.asarray(one) for one in params["weights"]]
    for k in (0, 2):
        h = np.maximum(h @ w[k].T + w[k + 1], 0)
    return first + left * (h @ w[4].T + w[5])
