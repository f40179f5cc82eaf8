# %% nbgrader={"grade": false, "grade_id": "q1-score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def string_log_probs(table, strings):
    """In torch, by indices."""
    log_table = torch.as_tensor(table).log()
    sums = []
    for y in strings:
        whole = torch.tensor([-1, *y, log_table.shape[1] - 1])
        sums.append(log_table[whole[:-1] + 1, whole[1:]].sum())
    return torch.stack(sums)


# %% nbgrader={"grade": false, "grade_id": "q1-mass", "locked": false, "schema_version": 3, "solution": true, "task": false}
def endings(table):
    """Only the symbols from which a way leads to the end, found by a power of the arrows."""
    table = torch.as_tensor(table)
    K = len(table) - 1
    arrows = torch.eye(K).double() + (table[1:, :K] > 0)
    leads = (torch.linalg.matrix_power(arrows, K) @ (table[1:, K] > 0).double()) > 0
    inner = table[1:][leads][:, :K][:, leads]
    left = torch.eye(len(inner)).double() - inner
    h = torch.linalg.solve(left, table[1:, K][leads])
    further = torch.linalg.solve(left, inner @ h)
    first = table[0, :K][leads]
    mass = first @ h + table[0, K]
    return mass, (first @ further + first @ h) / mass


# %% nbgrader={"grade": false, "grade_id": "q2-attend", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attend(q, k, v, first, window):
    """In torch, with a band of ones as the mask."""
    q, k, v = (torch.as_tensor(x) for x in (q, k, v))
    T = q.shape[1]
    band = torch.ones(T, T).tril() - torch.ones(T, T).tril(-window)
    mine = torch.arange(T) >= torch.as_tensor(first)[:, None]
    seen = (band > 0) & mine[:, None] & mine[:, :, None]
    scores = torch.einsum("btd,bsd->bts", q, k) * q.shape[2] ** -0.5
    weights = scores.masked_fill(~seen, -torch.inf).softmax(-1).nan_to_num(0.0)
    return weights @ v


# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attend_back(q, k, v, first, window, g):
    """By automatic differentiation, text by text."""
    q, k, v = (torch.tensor(x, requires_grad=True) for x in (q, k, v))
    total = 0.0
    for b in range(len(q)):
        own = slice(int(first[b]), None)
        scores = q[b, own] @ k[b, own].T / q.shape[2] ** 0.5
        n = len(scores)
        ago = torch.arange(n)[:, None] - torch.arange(n)
        scores = scores.masked_fill((ago < 0) | (ago >= window), -torch.inf)
        total = total + (scores.softmax(1) @ v[b, own] * torch.as_tensor(g[b, own])).sum()
    return torch.autograd.grad(total, (q, k, v))


# %% nbgrader={"grade": false, "grade_id": "q3-turn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def turn(x, places, omegas):
    """Complex numbers of torch."""
    z = torch.view_as_complex(torch.as_tensor(x).reshape(len(x), -1, 2).contiguous())
    angle = torch.outer(torch.as_tensor(places).double(), torch.as_tensor(omegas))
    return torch.view_as_real(z * torch.polar(torch.ones_like(angle), angle)).flatten(1)


# %% nbgrader={"grade": false, "grade_id": "q3-waves", "locked": false, "schema_version": 3, "solution": true, "task": false}
def waves(q, k):
    """A query times a complex conjugate key."""
    zq, zk = (torch.view_as_complex(torch.as_tensor(x).reshape(-1, 2)) for x in (q, k))
    product = zq * zk.conj()
    return torch.stack([product.real, -product.imag])


# %% nbgrader={"grade": false, "grade_id": "q3-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def look_back(omegas, n):
    """The query stands still; the key is turned."""
    angle = torch.as_tensor(omegas) * n
    still = torch.stack([torch.ones_like(angle), torch.zeros_like(angle)], 1)
    turned = torch.stack([angle.cos(), angle.sin()], 1)
    return torch.stack([still.flatten(), turned.flatten()])


# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def text_bits(table, tokens, text):
    """In torch, place by place, looking back."""
    log_table = torch.as_tensor(table).log()
    K, N = len(tokens), len(text)
    start = torch.full((K + 1,), -torch.inf, dtype=torch.float64)
    start[0] = 0
    results = []
    for add in (lambda x: x.max(), lambda x: x.logsumexp(0)):
        rows = [start]
        for n in range(1, N + 1):
            row = torch.full_like(start, -torch.inf)
            for j, token in enumerate(tokens):
                if text.endswith(token, 0, n):
                    row[j + 1] = add(rows[n - len(token)] + log_table[:, j])
            rows.append(row)
        results.append(-add(rows[N] + log_table[:, K]) / N / np.log(2))
    return torch.stack(results)


# %% nbgrader={"grade": false, "grade_id": "q5-nucleus", "locked": false, "schema_version": 3, "solution": true, "task": false}
def nucleus_of(counts, share):
    """In torch, with whole numbers."""
    counts = torch.as_tensor(counts).long()
    ranked, order = counts.sort(descending=True, stable=True)
    more_likely = ranked.cumsum(0) - ranked
    kept = torch.zeros(len(counts), dtype=torch.bool)
    kept[order] = more_likely * share[1] < share[0] * counts.sum()
    q = counts.where(kept, 0).double()
    return q / q.sum(), (counts.sum() / q.sum()).log()


# %% nbgrader={"grade": false, "grade_id": "q5-strings", "locked": false, "schema_version": 3, "solution": true, "task": false}
def temper_strings(start, step, T, temperature):
    """In torch: the messages first, then all conditionals at once."""
    first, then = (torch.as_tensor(x).log() / temperature for x in (start, step))
    messages = [torch.zeros_like(first)]
    for _ in range(T - 1):
        messages.insert(0, (then + messages[0]).logsumexp(1))
    potentials = torch.stack([first.expand(len(first), -1), *[then] * (T - 1)])
    return (potentials + torch.stack(messages)[:, None]).softmax(2)


# %% nbgrader={"grade": false, "grade_id": "q6-check", "locked": false, "schema_version": 3, "solution": true, "task": false}
def check_guesses(p, q, last, guesses, u, w):
    """All texts at once."""
    p, q, last, guesses, u, w = (torch.as_tensor(x) for x in (p, q, last, guesses, u, w))
    B, n = guesses.shape
    context = torch.cat([last[:, None], guesses], 1)
    here = context[:, :-1], guesses
    kept = (u < p[here] / q[here]).long().cumprod(1).sum(1)
    end = context[torch.arange(B), kept]
    law = torch.where((kept == n)[:, None], p[end], (p[end] - q[end]).clamp(min=0))
    drawn = ((law.cumsum(1) / law.sum(1, keepdim=True)) > w[:, None]).long().argmax(1)
    written = torch.cat([guesses, guesses.new_zeros(B, 1)], 1)
    written[torch.arange(B), kept] = drawn
    return written.masked_fill(torch.arange(n + 1) > kept[:, None], -1)


# %% nbgrader={"grade": false, "grade_id": "q6-pace", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pace(p, q, n):
    """A sum of powers."""
    both = torch.minimum(torch.as_tensor(p), torch.as_tensor(q))
    return sum(torch.linalg.matrix_power(both, m).sum(1) for m in range(n + 1))


# %% nbgrader={"grade": false, "grade_id": "q7-cost", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choice_costs(won, lost, won_before, lost_before, beta, slips):
    """A library's derivative of two branches."""
    won = torch.tensor(won, requires_grad=True)
    lost, won_before, lost_before = map(torch.as_tensor, (lost, won_before, lost_before))
    margin = beta * ((won - lost) - (won_before - lost_before))
    right = torch.nn.functional.logsigmoid(margin)
    if slips:
        wrong = torch.nn.functional.logsigmoid(-margin)
        odds = float(np.log(slips / (1 - slips)))
        right = np.log(1 - slips) + torch.logaddexp(right, odds + wrong)
    (slope,) = torch.autograd.grad(-right.sum(), won)
    return -right.detach(), slope


# %% nbgrader={"grade": false, "grade_id": "q7-learn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learn(start, step, won, lost, beta, slips, generator):
    """Conditionals of each place, trained by the cost of the choices from p_0 on."""
    won, lost = torch.as_tensor(won), torch.as_tensor(lost)
    first, then = torch.as_tensor(start).log(), torch.as_tensor(step).log()
    T = won.shape[1]
    free = [first.clone(), then.expand(T - 1, -1, -1).clone()]
    optimizer = torch.optim.Adam([x.requires_grad_() for x in free], lr=0.03)

    def log_probs(first, then, y):
        then = then.log_softmax(2)
        place = torch.arange(T - 1)
        return first.log_softmax(0)[y[:, 0]] + then[place, y[:, :-1], y[:, 1:]].sum(1)

    with torch.no_grad():
        before = [log_probs(first, then.expand(T - 1, -1, -1), y) for y in (won, lost)]
    for n in range(250):
        optimizer.param_groups[0]["lr"] = 0.04 * (1 - n / 250)
        rows = torch.randint(len(won), (3000,), generator=generator)
        gains = [
            log_probs(*free, y[rows]) - old[rows]
            for y, old in zip((won, lost), before, strict=True)
        ]
        p = torch.sigmoid(beta * (gains[0] - gains[1]))
        loss = -(slips + (1 - 2 * slips) * p).log().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [free[0].detach().log_softmax(0), free[1].detach().log_softmax(2)]


# %% nbgrader={"grade": false, "grade_id": "q7-policy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def policy_log_probs(params, y):
    """One conditional after the other."""
    first, then = (torch.as_tensor(x) for x in params)
    y = torch.as_tensor(y)
    result = first[y[:, 0]]
    for t in range(1, y.shape[1]):
        result = result + then[t - 1, y[:, t - 1], y[:, t]]
    return result
