# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def annealed_log_weights(rbm, base, betas, chains, generator):
    """Question 3 once more: unbiased, and as precise as can be."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]
    if len(b) <= len(c):
        V = states(len(b))
        a = c + V @ W
        terms = V @ b + np.logaddexp(a, -a).sum(1)
    else:
        H = 2 * states(len(c)) - 1
        terms = H @ c + np.logaddexp(0, b + H @ W.T).sum(1)
    return np.full(chains, special.logsumexp(terms))
