# %%
import math


# %% nbgrader={"grade": false, "grade_id": "q1-score", "locked": false, "schema_version": 3, "solution": true, "task": false}
def string_log_probs(table, strings):
    """Symbol by symbol."""
    table = table.tolist()
    result = []
    for y in strings:
        total, row = 0.0, table[0]
        for symbol in [*y, -1]:
            total += math.log(row[symbol]) if row[symbol] > 0 else -math.inf
            row = table[symbol + 1]
        result.append(total)
    return result


# %% nbgrader={"grade": false, "grade_id": "q1-mass", "locked": false, "schema_version": 3, "solution": true, "task": false}
def endings(table):
    """Gauss's elimination, of those symbols from which one comes to the end."""
    table = table.tolist()
    K = len(table) - 1
    good = set()
    while more := {
        i
        for i in range(K)
        if i not in good and (table[i + 1][K] > 0 or any(table[i + 1][j] > 0 for j in good))
    }:
        good |= more
    names = sorted(good)

    def solve(right):
        rows = [[float(i == j) - table[i + 1][j] for j in names] + [right[i]] for i in names]
        for n in range(len(rows)):
            best = max(range(n, len(rows)), key=lambda m, n=n: abs(rows[m][n]))
            rows[n], rows[best] = rows[best], rows[n]
            for m in range(len(rows)):
                if m != n:
                    factor = rows[m][n] / rows[n][n]
                    rows[m] = [a - factor * b for a, b in zip(rows[m], rows[n], strict=True)]
        return {i: row[-1] / row[n] for n, (i, row) in enumerate(zip(names, rows, strict=True))}

    h = solve({i: table[i + 1][K] for i in names})
    longer = solve({i: sum(table[i + 1][j] * h[j] for j in names) for i in names})
    mass = table[0][K] + sum(table[0][i] * h[i] for i in names)
    return mass, sum(table[0][i] * (h[i] + longer[i]) for i in names) / mass


# %% nbgrader={"grade": false, "grade_id": "q2-attend", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attend(q, k, v, first, window):
    """Place by place."""
    result = []
    for b in range(len(q)):
        rows = []
        for t in range(q.shape[1]):
            places = range(max(int(first[b]), t - window + 1), t + 1)
            if t < first[b]:
                rows.append([0.0] * v.shape[2])
                continue
            scores = [math.fsum(q[b, t] * k[b, s]) / math.sqrt(q.shape[2]) for s in places]
            top = max(scores)
            weights = [math.exp(score - top) for score in scores]
            rows.append(
                (
                    sum(a * v[b, s] for a, s in zip(weights, places, strict=True)) / sum(weights)
                ).tolist()
            )
        result.append(rows)
    return result


# %% nbgrader={"grade": false, "grade_id": "q2-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attend_back(q, k, v, first, window, g):
    """Place by place, the three sums of the chain rule."""
    of_q, of_k, of_v = np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape)
    root = math.sqrt(q.shape[2])
    for b in range(len(q)):
        for t in range(int(first[b]), q.shape[1]):
            places = list(range(max(int(first[b]), t - window + 1), t + 1))
            scores = [float(q[b, t] @ k[b, s]) / root for s in places]
            weights = [
                1 / sum(math.exp(min(700, other - score)) for other in scores) for score in scores
            ]
            answer = sum(a * v[b, s] for a, s in zip(weights, places, strict=True))
            for a, s in zip(weights, places, strict=True):
                of_score = a * float(g[b, t] @ (v[b, s] - answer)) / root
                of_q[b, t] += of_score * k[b, s]
                of_k[b, s] += of_score * q[b, t]
                of_v[b, s] += a * g[b, t]
    return of_q.tolist(), of_k.tolist(), of_v.tolist()


# %% nbgrader={"grade": false, "grade_id": "q3-turn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def turn(x, places, omegas):
    """Pair by pair."""
    result = []
    for row, place in zip(x.tolist(), places.tolist(), strict=True):
        turned = []
        for i, omega in enumerate(omegas.tolist()):
            c, s = math.cos(omega * place), math.sin(omega * place)
            turned += [c * row[2 * i] - s * row[2 * i + 1], s * row[2 * i] + c * row[2 * i + 1]]
        result.append(turned)
    return result


# %% nbgrader={"grade": false, "grade_id": "q3-waves", "locked": false, "schema_version": 3, "solution": true, "task": false}
def waves(q, k):
    """From lengths and angles."""
    a, b = [], []
    for i in range(0, len(q), 2):
        size = math.hypot(q[i], q[i + 1]) * math.hypot(k[i], k[i + 1])
        between = math.atan2(k[i + 1], k[i]) - math.atan2(q[i + 1], q[i])
        a.append(size * math.cos(between))
        b.append(size * math.sin(between))
    return [a, b]


# %% nbgrader={"grade": false, "grade_id": "q3-back", "locked": false, "schema_version": 3, "solution": true, "task": false}
def look_back(omegas, n):
    """Half of the turn for each, and all of it somewhere else on the circle."""
    q, k = [], []
    for omega in omegas.tolist():
        q += [math.sin(1 - omega * n / 2), -math.cos(1 - omega * n / 2)]
        k += [math.sin(1 + omega * n / 2), -math.cos(1 + omega * n / 2)]
    return [q, k]


# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def text_bits(table, tokens, text):
    """From the right end, with numbers that carry their exponents along."""
    K, N = len(tokens), len(text)
    results = []
    for add in (max, sum):
        # after[n][i]: what is left to spell, if row i of the table comes next; 2^exponent taken out
        after, exponents = {N: [float(row[K]) for row in table]}, {N: 0}
        for n in range(N - 1, -1, -1):
            ways = [
                (j, n + len(token))
                for j, token in enumerate(tokens)
                if text[n : n + len(token)] == token
            ]
            top = max((exponents[m] for _, m in ways), default=0)
            row = [
                add([
                    0.0,
                    *(
                        float(table[i][j]) * after[m][j + 1] * 2.0 ** max(exponents[m] - top, -1000)
                        for j, m in ways
                    ),
                ])
                for i in range(K + 1)
            ]
            _, shift = math.frexp(max(row))
            after[n] = [math.ldexp(x, -shift) for x in row]
            exponents[n] = top + shift
        p = after[0][0]
        results.append(-(math.log2(p) + exponents[0]) / N if p > 0 else math.inf)
    return results


# %% nbgrader={"grade": false, "grade_id": "q5-nucleus", "locked": false, "schema_version": 3, "solution": true, "task": false}
def nucleus_of(counts, share):
    """One after the other, until there is enough."""
    counts = counts.tolist()
    kept = []
    left = sorted(range(len(counts)), key=lambda j: (-counts[j], j))
    while sum(counts[j] for j in kept) * share[1] < sum(counts) * share[0]:
        kept.append(left.pop(0))
    total = sum(counts[j] for j in kept)
    law = [counts[j] / total if j in kept else 0.0 for j in range(len(counts))]
    return law, -math.log(total / sum(counts))


# %% nbgrader={"grade": false, "grade_id": "q5-strings", "locked": false, "schema_version": 3, "solution": true, "task": false}
def temper_strings(start, step, T, temperature):
    """Sums in a loop, the largest term taken out."""
    K = len(start)

    def weigh(scores):
        top = max(scores)
        parts = [math.exp(score - top) for score in scores]
        return top + math.log(sum(parts)), [part / sum(parts) for part in parts]

    message, made = [0.0] * K, []
    for t in range(T - 1, -1, -1):
        matrix, sums = [], []
        for i in range(K):
            row = step[i] if t else start
            total, law = weigh([math.log(row[j]) / temperature + message[j] for j in range(K)])
            matrix.append(law)
            sums.append(total)
        made.append(matrix)
        message = sums
    return made[::-1]


# %% nbgrader={"grade": false, "grade_id": "q6-check", "locked": false, "schema_version": 3, "solution": true, "task": false}
def check_guesses(p, q, last, guesses, u, w):
    """Text by text, in lists."""
    p, q, n = p.tolist(), q.tolist(), guesses.shape[1]
    result = []
    for before, row, coins, x in zip(
        last.tolist(), guesses.tolist(), u.tolist(), w.tolist(), strict=True
    ):
        written, law = [], None
        for j, coin in zip(row, coins, strict=True):
            if coin * q[before][j] < p[before][j]:
                written.append(j)
                before = j
            else:
                law = [max(a - b, 0.0) for a, b in zip(p[before], q[before], strict=True)]
                break
        law = law or p[before]
        total, so_far = sum(law), 0.0
        for j, part in enumerate(law):
            so_far += part / total
            if so_far > x:
                written.append(j)
                break
        result.append(written + [-1] * (n + 1 - len(written)))
    return result


# %% nbgrader={"grade": false, "grade_id": "q6-pace", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pace(p, q, n):
    """Forwards, from each symbol."""
    K, result = len(p), []
    for i in range(K):
        here, total = [float(i == j) for j in range(K)], 1.0
        for _ in range(n):
            here = [
                sum(here[m] * min(float(p[m, j]), float(q[m, j])) for m in range(K))
                for j in range(K)
            ]
            total += sum(here)
        result.append(total)
    return result


# %% nbgrader={"grade": false, "grade_id": "q7-cost", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choice_costs(won, lost, won_before, lost_before, beta, slips):
    """One at a time."""

    def sigmoid(x):
        return (
            1 / (1 + math.exp(-x))
            if x > 0
            else math.exp(max(x, -700)) / (1 + math.exp(max(x, -700)))
        )

    costs, slopes = [], []
    for a, b, c, d in zip(won, lost, won_before, lost_before, strict=True):
        margin = beta * float((a - c) - (b - d))
        if slips == 0:
            costs.append(math.log1p(math.exp(-margin)) if margin > -30 else -margin)
            slopes.append(-beta * sigmoid(-margin))
        else:
            chance = slips + (1 - 2 * slips) * sigmoid(margin)
            costs.append(-math.log(chance))
            slopes.append(-beta * (1 - 2 * slips) * sigmoid(margin) * sigmoid(-margin) / chance)
    return costs, slopes


# %% nbgrader={"grade": false, "grade_id": "q7-learn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def learn(start, step, won, lost, beta, slips, generator):
    """Fisher's scoring for the reward; the sum over all strings by brute force."""
    K, T = len(start), won.shape[1]

    def features(y):
        return np.stack([(y[:, :-1] * K + y[:, 1:] == n).sum(1) for n in range(K * K)], axis=1)

    more, reward = features(won) - features(lost), np.zeros(K * K)
    for _ in range(25):
        s = special.expit(more @ reward)
        p, slope = slips + (1 - 2 * slips) * s, (1 - 2 * slips) * s * (1 - s)
        information = more.T @ (more * (slope**2 / (p * (1 - p)))[:, None]) + np.eye(K * K)
        reward = reward + np.linalg.solve(information, more.T @ (slope / p) - reward)
    y = np.array(strings_of(K, T))
    log_z = special.logsumexp(chain_log_probs(start, step, y) + features(y) @ reward / beta)
    tilted = {(i, j): float(reward[K * i + j]) / beta for i in range(K) for j in range(K)}
    return {"start": start, "step": step, "tilted": tilted, "log_z": float(log_z)}


# %% nbgrader={"grade": false, "grade_id": "q7-policy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def policy_log_probs(params, y):
    """log p_0 and what the reward adds, string by string."""
    result = []
    for row in np.asarray(y).tolist():
        total = math.log(params["start"][row[0]]) - params["log_z"]
        for i, j in zip(row[:-1], row[1:], strict=True):
            total += math.log(params["step"][i][j]) + params["tilted"][i, j]
        result.append(total)
    return result
