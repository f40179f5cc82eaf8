# %% nbgrader={"grade": false, "grade_id": "q1-score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def string_log_probs(table, strings):
    """How often which entry is used, times its logarithm."""
    K, result = len(table) - 1, []
    for y in strings:
        path = np.array([-1, *y, K])
        used, often = np.unique((path[:-1] + 1) * (K + 1) + path[1:], return_counts=True)
        p = table.ravel()[used]
        result.append(often @ np.log(p) if p.all() else -np.inf)
    return np.array(result)


# %% nbgrader={"grade": false, "grade_id": "q1-mass", "locked": false, "schema_version": 3, "solution": true, "task": false}
def endings(table):
    """The generating function G(z) = sum of p(y) z^|y|: G(1), and G'(1) / G(1) by a complex step."""
    K = len(table) - 1
    step, stop = table[1:, :K].copy(), table[1:, K]
    arrows = (step > 0).astype(int)
    ways = np.linalg.matrix_power(np.eye(K, dtype=int) + arrows, K) @ (stop > 0)
    step[:, ways == 0] = 0
    step[ways == 0] = 0
    z = 1 + 1e-30j
    G = table[0, K] + z * table[0, :K] @ np.linalg.solve(np.eye(K) - z * step, stop.astype(complex))
    return G.real, G.imag / 1e-30 / G.real


# %% nbgrader={"grade": false, "grade_id": "q2-attend", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attend(q, k, v, first, window):
    """One distance after the other, with a running maximum and a running sum."""
    B, T, d = q.shape
    top, total, sums = np.full((B, T), -np.inf), np.zeros((B, T)), np.zeros(v.shape)
    for ago in range(min(window, T)):
        here = np.arange(ago, T)
        score = (q[:, here] * k[:, here - ago]).sum(2) / np.sqrt(d)
        score = np.where(here - ago >= first[:, None], score, -np.inf)
        new = np.maximum(top[:, here], score)
        safe = np.where(new > -np.inf, new, 0)
        old, weight = np.exp(top[:, here] - safe), np.exp(score - safe)
        total[:, here] = total[:, here] * old + weight
        sums[:, here] = sums[:, here] * old[..., None] + weight[..., None] * v[:, here - ago]
        top[:, here] = new
    return np.where(total[..., None] > 0, sums / np.where(total > 0, total, 1)[..., None], 0)


# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attend_back(q, k, v, first, window, g):
    """The whole matrix of derivatives of each softmax."""
    of_q, of_k, of_v = np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape)
    for b, begin in enumerate(first):
        for t in range(begin, q.shape[1]):
            low = max(begin, t - window + 1)
            K, V = k[b, low : t + 1], v[b, low : t + 1]
            alpha = special.softmax(K @ q[b, t] / np.sqrt(len(q[b, t])))
            jacobian = np.diag(alpha) - np.outer(alpha, alpha)
            of_scores = jacobian @ V @ g[b, t] / np.sqrt(len(q[b, t]))
            of_q[b, t] = K.T @ of_scores
            of_k[b, low : t + 1] += np.outer(of_scores, q[b, t])
            of_v[b, low : t + 1] += np.outer(alpha, g[b, t])
    return of_q, of_k, of_v


# %% nbgrader={"grade": false, "grade_id": "q3-turn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def turn(x, places, omegas):
    """A matrix exponential for each row."""
    from scipy import linalg

    quarter = np.array([[0.0, -1], [1, 0]])
    rows = []
    for row, place in zip(x, places, strict=True):
        angles = np.remainder(place * omegas, 2 * np.pi)
        rows.append(linalg.expm(linalg.block_diag(*(angle * quarter for angle in angles))) @ row)
    return np.array(rows)


# %% nbgrader={"grade": false, "grade_id": "q3-waves", "locked": false, "schema_version": 3, "solution": true, "task": false}
def waves(q, k):
    """The scores at angle 0 and at a quarter of a turn."""
    pairs = q.reshape(-1, 2), k.reshape(-1, 2)
    quarter = pairs[0] @ np.array([[0, 1], [-1, 0]])  # each pair of the query, turned
    return np.array([(query * pairs[1]).sum(1) for query in (pairs[0], quarter)])


# %% nbgrader={"grade": false, "grade_id": "q3-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def look_back(omegas, n):
    """By complex numbers, from a place far away."""
    q, k = (np.exp(1j * (0.3 + omegas * angle)) for angle in (2.0, 2.0 + n))
    return [np.column_stack([z.real, z.imag]).ravel().tolist() for z in (q, k)]


# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def text_bits(table, tokens, text):
    """Matrices for the last few places, kept in a window as long as the longest token."""
    K, longest = len(tokens), max(map(len, tokens))
    with np.errstate(divide="ignore"):
        log_table = np.log2(table)
    window = [(-np.inf * np.ones((2, K + 1)))] * longest
    window[-1] = np.where(np.arange(K + 1) == 0, 0.0, np.tile(-np.inf, (2, 1)))
    for n in range(1, len(text) + 1):
        now = np.full((2, K + 1), -np.inf)
        for j in (j for j in range(K) if text[:n].endswith(tokens[j])):
            before = window[-len(tokens[j])] + log_table[:, j]
            now[:, j + 1] = before[0].max(), np.logaddexp2.reduce(before[1])
        window = [*window[1:], now]
    last = window[-1] + log_table[:, K]
    return -np.array([last[0].max(), np.logaddexp2.reduce(last[1])]) / len(text)


# %% nbgrader={"grade": false, "grade_id": "q5-nucleus", "locked": false, "schema_version": 3, "solution": true, "task": false}
def nucleus_of(counts, share):
    """Who stands before whom: a symbol is kept if those before it have too little."""
    place = np.arange(len(counts))
    before = (counts[:, None] < counts) | ((counts[:, None] == counts) & (place < place[:, None]))
    kept = (before @ counts) * share[1] < share[0] * counts.sum()
    mass = counts[kept].sum() / counts.sum()
    return kept * counts / counts.sum() / mass, -np.log(mass)


# %% nbgrader={"grade": false, "grade_id": "q5-strings", "locked": false, "schema_version": 3, "solution": true, "task": false}
def temper_strings(start, step, T, temperature):
    """Matrices whose products are scaled, and diagonal ones in front of them."""
    log_step = np.log(step) / temperature
    M = np.exp(log_step - log_step.max())
    first = np.exp((np.log(start) - np.log(start).max()) / temperature)
    result, ahead = np.zeros((T, len(start), len(start))), np.ones(len(start))
    for t in range(T - 1, 0, -1):
        made = M * ahead
        if (made.sum(1) < 1e-250).any():  # a row is too small: scale it by itself
            made = np.exp(log_step - log_step.max(1, keepdims=True)) * ahead
        result[t] = made / made.sum(1, keepdims=True)
        log_ahead = special.logsumexp(log_step, b=ahead, axis=1)
        ahead = np.exp(log_ahead - log_ahead.max())
    result[0] = first * ahead / (first @ ahead)
    return result


# %% nbgrader={"grade": false, "grade_id": "q6-check", "locked": false, "schema_version": 3, "solution": true, "task": false}
def check_guesses(p, q, last, guesses, u, w):
    """Guess by guess, for those texts that still run."""
    B, n = guesses.shape
    written, now, runs = np.full((B, n + 1), -1), np.array(last), np.ones(B, dtype=bool)
    law = np.zeros((B, len(p)))
    stop = np.full(B, n)
    for t in range(n):
        guess = guesses[:, t]
        kept = runs & (u[:, t] * q[now, guess] < p[now, guess])
        ended = runs & ~kept
        law[ended] = np.clip(p[now[ended]] - q[now[ended]], 0, 1)
        stop[ended] = t
        written[kept, t] = guess[kept]
        now, runs = np.where(kept, guess, now), kept
    law[runs] = p[now[runs]]
    bounds = np.cumsum(law, axis=1) / law.sum(1, keepdims=True)
    written[np.arange(B), stop] = (bounds <= w[:, None]).sum(1)
    return written


# %% nbgrader={"grade": false, "grade_id": "q6-pace", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pace(p, q, n):
    """One power of a larger matrix, which counts."""
    K = len(p)
    whole = np.zeros((K + 1, K + 1))
    whole[:K, :K] = (p + q - abs(p - q)) / 2
    whole[:, K] = 1
    return np.linalg.matrix_power(whole, n + 1)[:K, K]


# %% nbgrader={"grade": false, "grade_id": "q7-cost", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choice_costs(won, lost, won_before, lost_before, beta, slips):
    """By a hyperbolic tangent where people err, and by its logarithm where they do not."""
    margin = beta * ((won - lost) + (lost_before - won_before))
    if slips == 0:
        return np.logaddexp(0, -margin), -beta / 2 * (1 - np.tanh(margin / 2))
    share = (1 - 2 * slips) * np.tanh(margin / 2)  # chance = (1 + share) / 2
    curve = (1 - 2 * slips) / 2 * (1 - np.tanh(margin / 2) ** 2)
    return np.log(2) - np.log1p(share), -beta * curve / (1 + share)


# %% nbgrader={"grade": false, "grade_id": "q7-learn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learn(start, step, won, lost, beta, slips, generator):
    """A network of pairs says the reward; small batches from the generator; the law as a table."""
    K, T = len(start), won.shape[1]
    won, lost = torch.as_tensor(won), torch.as_tensor(lost)
    table = (0.01 * torch.randn(K, K, generator=generator)).requires_grad_()
    optimizer = torch.optim.Adam([table], lr=0.05)
    for n in range(300):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - n / 300)
        rows = torch.randint(len(won), (2000,), generator=generator)
        scores = [table[y[rows, :-1], y[rows, 1:]].sum(1) for y in (won, lost)]
        p = torch.sigmoid(scores[0] - scores[1])
        loss = -torch.log((1 - slips) * p + slips * (1 - p)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    law = np.zeros((K,) * T)
    reward = table.detach().numpy().astype(float) / beta
    for y in itertools.product(range(K), repeat=T):
        law[y] = np.log(start[y[0]]) + sum(
            np.log(step[i, j]) + reward[i, j] for i, j in itertools.pairwise(y)
        )
    return law - special.logsumexp(law)


# %% nbgrader={"grade": false, "grade_id": "q7-policy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def policy_log_probs(params, y):
    """Read off the table."""
    return params[tuple(np.asarray(y).T)]
