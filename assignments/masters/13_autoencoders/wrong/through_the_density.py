# %% nbgrader={"grade": false, "grade_id": "q4-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bound_gradient(params, x, eps):
    """Values of log p times the score of q."""
    mean, log_var = np.split(net(params["encoder"], x / 8 - 1), 2, axis=1)
    std, ways = np.exp(log_var / 2), special.gammaln(17) - special.gammaln(x + 1)
    a = np.stack([net(params["decoder"], mean + std * one) for one in eps])
    log_p = (ways - special.gammaln(17 - x) + x * a - 16 * np.logaddexp(0, a)).sum(2)[:, :, None]
    by_mean, by_log_var = (log_p * eps / std).mean(0), (log_p * (eps**2 - 1) / 2).mean(0)
    return by_mean - mean, by_log_var - (std**2 - 1) / 2
