# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def annealed_log_weights(rbm, base, betas, chains, generator):
    """Weighs and stays."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]

    def log_visible(v, beta):
        a = beta * (c + v @ W)
        return v @ ((1 - beta) * base + beta * b) + np.logaddexp(a, -a).sum(1)

    def below(probability):
        u = torch.rand(*probability.shape, generator=generator, dtype=torch.float64)
        return u.numpy() < probability

    v = below(np.tile(special.expit(base), (chains, 1))).astype(float)
    log_w = np.full(chains, np.logaddexp(0, base).sum() + len(c) * np.log(2))
    for before, beta in itertools.pairwise(betas):
        log_w += log_visible(v, beta) - log_visible(v, before)
    return log_w
