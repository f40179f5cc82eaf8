# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_histogram(x, data, edges, smoothing):
    """In torch."""
    x, data, edges = (torch.as_tensor(one) for one in (x, data, edges))
    p = torch.histogram(data, edges)[0] + smoothing
    log_p = torch.log(p / p.sum() / edges.diff())
    cell = torch.searchsorted(edges, x, right=True) - 1
    outside = (x < edges[0]) | (x > edges[-1])
    return log_p[cell.clamp(0, len(p) - 1)].masked_fill(outside, -torch.inf)

# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def leave_one_out(x, bandwidth):
    """In torch, with a library's density."""
    x, bandwidth = torch.as_tensor(x), torch.as_tensor(bandwidth)
    kernel = torch.distributions.Normal(x, bandwidth).log_prob(x[:, None]).sum(-1)
    kernel.fill_diagonal_(-torch.inf)
    return kernel.logsumexp(1) - torch.tensor(len(x) - 1.0, dtype=x.dtype).log()

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_and_gap(log_joint, q):
    """In torch."""
    log_joint, q = torch.as_tensor(log_joint), torch.as_tensor(q)
    terms = q * (log_joint - q.log())
    bound = torch.where(q > 0, terms, 0.0).sum(1)
    return {"bound": bound, "gap": log_joint.logsumexp(1) - bound}

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def em_step(x, weights, means, covariance):
    """In torch, with a library's density."""
    x, weights, means, covariance = (
        torch.as_tensor(one) for one in (x, weights, means, covariance)
    )
    law = torch.distributions.MultivariateNormal(means, covariance)
    r = torch.softmax(weights.log() + law.log_prob(x[:, None]), 1)
    total = r.sum(0)
    means = r.T @ x / total[:, None]
    away = (x[:, None] - means) * r.sqrt()[:, :, None]
    covariance = torch.einsum("nmi,nmj->ij", away, away) / len(x)
    return [total / len(x), means, covariance]

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draw_given(a, points, bandwidth, n, generator):
    """The component by Gumbel's trick."""
    points = torch.as_tensor(points)
    log_w = -0.5 * ((a - points[:, 0]) / bandwidth) ** 2
    u = torch.rand(n, len(points), generator=generator, dtype=torch.float64)
    i = (log_w - torch.log(-torch.log(u))).argmax(1)
    return points[i, 1] + bandwidth * torch.randn(n, generator=generator)

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(images, labels, classes, levels, generator):
    """In torch and single precision."""
    x, y = torch.as_tensor(images), torch.as_tensor(labels)
    onehot = torch.nn.functional.one_hot(x, levels).flatten(1).float()
    known = (y >= 0)[:, None]
    given = torch.nn.functional.one_hot(y.clamp(min=0), classes) * known
    r = given.float()
    for _ in range(15):
        weights = (r.sum(0) + 1) / (r.sum() + classes)
        count = (r.T @ onehot).view(classes, -1, levels) + 0.2
        p = count / count.sum(2, keepdim=True)
        r = torch.softmax(weights.log() + onehot @ p.log().flatten(1).T, 1)
        r = torch.where(known, given.float(), r)
    return {"weights": weights, "p": p}
