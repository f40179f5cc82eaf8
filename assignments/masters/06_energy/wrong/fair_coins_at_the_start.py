# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def annealed_log_weights(rbm, base, betas, chains, generator):
    """Any start will do."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]

    def log_visible(v, beta):
        a = beta * (c + v @ W)
        return v @ ((1 - beta) * base + beta * b) + np.logaddexp(a, -a).sum(1)

    def below(probability):
        u = torch.rand(*probability.shape, generator=generator, dtype=torch.float64)
        return u.numpy() < probability

    v = below(np.full((chains, len(b)), 0.5)).astype(float)
    log_w = np.full(chains, np.logaddexp(0, base).sum() + len(c) * np.log(2))
    for before, beta in itertools.pairwise(betas):
        log_w += log_visible(v, beta) - log_visible(v, before)
        h = np.where(below(special.expit(2 * beta * (c + v @ W))), 1.0, -1.0)
        v = below(special.expit((1 - beta) * base + beta * (b + h @ W.T))).astype(float)
    return log_w
