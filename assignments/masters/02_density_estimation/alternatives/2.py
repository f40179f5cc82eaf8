# %%
import bisect
import math

# %%
def log_sum(numbers):
    """log Σ exp of a list."""
    top = max(numbers)
    return top + math.log(sum(math.exp(number - top) for number in numbers))


def log_normal(x, mean, deviation):
    """log of the normal density of a number."""
    return -0.5 * ((x - mean) / deviation) ** 2 - math.log(deviation * math.sqrt(2 * math.pi))

# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_histogram(x, data, edges, smoothing):
    """Number by number."""
    edges, cells = edges.tolist(), len(edges) - 1
    hits = [smoothing] * cells
    for value in data.tolist():
        hits[min(bisect.bisect_right(edges, value), cells) - 1] += 1
    result = []
    for value in x.tolist():
        k = bisect.bisect_right(edges, value) - 1
        if 0 <= k < cells and hits[k] > 0:
            result.append(math.log(hits[k] / sum(hits) / (edges[k + 1] - edges[k])))
        else:
            result.append(-math.inf)
    return np.array(result, dtype=np.longdouble)

# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leave_one_out(x, bandwidth):
    """Point by point; returns a list."""
    N, D = x.shape
    result = []
    for i in range(N):
        terms = [
            sum(log_normal(x[i, d], x[j, d], bandwidth[d]) for d in range(D))
            for j in range(N)
            if j != i
        ]
        result.append(log_sum(terms) - math.log(N - 1))
    return result

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_and_gap(log_joint, q):
    """State by state."""
    bounds, gaps = [], []
    for row, law in zip(log_joint.tolist(), q.tolist(), strict=True):
        pairs = [(a, b) for a, b in zip(row, law, strict=True) if b > 0]
        bounds.append(sum(b * (a - math.log(b)) for a, b in pairs))
        gaps.append(sum(b * (math.log(b) - a + log_sum(row)) for a, b in pairs))
    return {"bound": np.array(bounds), "gap": np.array(gaps)}

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def em_step(x, weights, means, covariance):
    """Example by example, component by component."""
    (N, D), M = x.shape, len(weights)
    r = np.zeros((N, M))
    for n in range(N):
        log_p = [
            math.log(weights[m])
            - 0.5 * (x[n] - means[m]) @ np.linalg.solve(covariance, x[n] - means[m])
            for m in range(M)
        ]
        r[n] = [math.exp(one - log_sum(log_p)) for one in log_p]
    new_means, new_covariance = np.zeros((M, D)), np.zeros((D, D))
    for m in range(M):
        new_means[m] = sum(r[n, m] * x[n] for n in range(N)) / sum(r[:, m])
        for n in range(N):
            new_covariance += r[n, m] * np.outer(x[n] - new_means[m], x[n] - new_means[m]) / N
    return r.mean(0), new_means, new_covariance

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_given(a, points, bandwidth, n, generator):
    """The component by the inverse of its distribution function."""
    log_w = [log_normal(a, float(point), bandwidth) for point in points[:, 0]]
    below = np.cumsum([math.exp(one - log_sum(log_w)) for one in log_w])
    u = torch.rand(n, generator=generator, dtype=torch.float64).numpy()
    noise = torch.randn(n, generator=generator, dtype=torch.float64).numpy()
    i = np.minimum(np.searchsorted(below, u, side="right"), len(points) - 1)
    return points[i, 1] + bandwidth * noise

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, labels, classes, levels, generator):
    """Class by class and pixel by pixel."""
    N, D = images.shape
    r = np.zeros((N, classes))
    for n in range(N):
        if labels[n] >= 0:
            r[n, labels[n]] = 1
    p = np.zeros((classes, D, levels))
    for _ in range(10):
        weights = (r.sum(0) + 0.5) / (r.sum() + 0.5 * classes)
        log_joint = np.tile(np.log(weights), (N, 1))
        for c in range(classes):
            for d in range(D):
                hits = np.bincount(images[:, d], weights=r[:, c], minlength=levels) + 0.2
                p[c, d] = hits / hits.sum()
                log_joint[:, c] += np.log(p[c, d, images[:, d]])
        for n in range(N):
            if labels[n] < 0:
                r[n] = np.exp(log_joint[n] - log_joint[n].max())
                r[n] /= r[n].sum()
    return {"weights": weights.tolist(), "p": p}
