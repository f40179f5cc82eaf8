# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split_rate(mean, std):
    """From -7 to 7."""
    rate = (mean**2 + std**2 - 1 - 2 * np.log(std)).mean(0) / 2
    z = np.linspace(-7, 7, 20_001)[:, None]  # in steps of a fifth of the least deviation
    mismatch = np.zeros(mean.shape[1])
    for j in range(mean.shape[1]):
        log_q = -(((z - mean[:, j]) / std[:, j]) ** 2) / 2 - np.log(std[:, j])
        log_all = special.logsumexp(log_q, axis=1) - np.log(len(mean) * np.sqrt(2 * np.pi))
        log_prior = -(z[:, 0] ** 2) / 2 - np.log(2 * np.pi) / 2
        mismatch[j] = np.sum(np.exp(log_all) * (log_all - log_prior)) * (z[1, 0] - z[0, 0])
    return rate, rate - mismatch, mismatch
