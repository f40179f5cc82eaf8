# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def piecewise(rbm, X, blocks):
    """Spares a copy."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]

    def log_visible(V):
        a = c + V @ W
        return V @ b + np.logaddexp(a, -a).sum(-1)

    total = np.zeros(len(X))
    for block in blocks:
        options, own = [], log_visible(X)
        for values in states(len(block)):
            V = X
            V[:, block] = values
            options.append(log_visible(V))
        total += own - special.logsumexp(options, axis=0)
    return total
