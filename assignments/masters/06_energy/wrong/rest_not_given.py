# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def piecewise(rbm, X, blocks):
    """Forgets the rest."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]

    def log_visible(V):
        a = c + V @ W
        return V @ b + np.logaddexp(a, -a).sum(-1)

    total = np.zeros(len(X))
    for block in blocks:
        options = []
        for values in states(len(block)):
            V = np.zeros_like(X)
            V[:, block] = values
            options.append(log_visible(V))
        total += log_visible(X) - special.logsumexp(options, axis=0)
    return total
