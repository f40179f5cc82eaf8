# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(rbm, X, batch_size, step_size, epochs, generator):
    """Descends the likelihood."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]

    def below(probability):
        u = torch.rand(*probability.shape, generator=generator, dtype=torch.float64)
        return u.numpy() < probability

    for _ in range(epochs):
        order = torch.randperm(len(X), generator=generator).numpy()
        for start in range(0, len(X), batch_size):
            x = X[order[start : start + batch_size]]
            h = np.where(below(special.expit(2 * (c + x @ W))), 1.0, -1.0)
            v = below(special.expit(b + h @ W.T)).astype(float)
            m_x, m_v = np.tanh(c + x @ W), np.tanh(c + v @ W)
            rate = step_size / len(x)
            W = W - rate * (x.T @ m_x - v.T @ m_v)
            b = b - rate * (x - v).sum(0)
            c = c - rate * (m_x - m_v).sum(0)
    return {"W": W, "b": b, "c": c}
