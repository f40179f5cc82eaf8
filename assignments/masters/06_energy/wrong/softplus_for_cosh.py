# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_prob(rbm, X):
    """Hidden units of 0 and 1."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]
    p, q = W.shape

    def log_visible(V):
        a = c + V @ W
        return V @ b + np.logaddexp(0, a).sum(1)

    if p <= q:
        terms = log_visible(states(p))
    else:
        H = states(q)
        terms = H @ c + np.logaddexp(0, b + H @ W.T).sum(1)
    return log_visible(X) - special.logsumexp(terms)
