# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose(x, lags):
    """What lies between chains is taken for correlation in time."""
    T, C = x.shape
    W, V = x.var(0, ddof=1).mean(), x.mean(0).var(ddof=1)
    away = x - x.mean()
    gamma = np.array([(away[: T - k] * away[k:]).sum(0).mean() / T for k in range(lags + 1)])
    tau = 1 + 2 * gamma[1:].sum() / gamma[0]
    return {
        "r_hat": float(np.sqrt((T - 1) / T + V / W)),
        "tau": float(tau),
        "error": float(np.sqrt(gamma[0] * tau / (T * C))),
    }
