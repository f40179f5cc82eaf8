# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(rbm, X):
    """The Boltzmann distribution upside down."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]
    p, q = W.shape

    def log_visible(V):
        a = c + V @ W
        return -V @ b + np.logaddexp(a, -a).sum(1)

    if p <= q:
        terms = log_visible(states(p))
    else:
        H = 2 * states(q) - 1
        terms = -H @ c + np.logaddexp(0, -b - H @ W.T).sum(1)
    return log_visible(X) - special.logsumexp(terms)
