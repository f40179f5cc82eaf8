# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def annealed_log_weights(rbm, base, betas, chains, generator):
    """A log-normal law for that of the chains."""
    W, b, c = rbm["W"], rbm["b"], rbm["c"]
    H = 2 * states(len(c)) - 1
    log_Z = special.logsumexp(H @ c + np.logaddexp(0, b + H @ W.T).sum(1))
    noise = torch.randn(chains, generator=generator, dtype=torch.float64).numpy()
    return log_Z - 0.02 + 0.2 * noise
