# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split_rate(mean, std):
    """Draws from all cards."""
    rng, rate = np.random.default_rng(0), (mean**2 + std**2 - 1 - 2 * np.log(std)).mean(0) / 2
    n = rng.integers(len(mean), size=1000)
    z = mean[n] + std[n] * rng.normal(size=(1000, mean.shape[1]))
    log_q = -(((z[:, None] - mean) / std) ** 2) / 2 - np.log(std)
    mismatch = (special.logsumexp(log_q, axis=1) - np.log(len(mean)) + z**2 / 2).mean(0)
    return rate, rate - mismatch, mismatch
