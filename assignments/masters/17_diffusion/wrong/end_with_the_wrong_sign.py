# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def film_costs(x, beta, gain, shift, variance):
    """A gain, not a cost."""
    D, alpha_bar = x.shape[1], np.cumprod(1 - beta)

    def missed(t):
        """E ‖x - x̂‖²."""
        off = x - gain[t] * np.sqrt(alpha_bar[t]) * x - shift[t]
        return (off**2).sum(1) + D * gain[t] ** 2 * (1 - alpha_bar[t])

    read = missed(0) / (2 * variance[0]) + D / 2 * np.log(2 * np.pi * variance[0])
    a = alpha_bar[-1]
    end = (a * (x**2).sum(1) - D * (a + np.log1p(-a))) / 2
    steps = np.zeros(len(x))
    for t in range(1, len(beta)):
        scale = np.sqrt(alpha_bar[t - 1]) * beta[t] / (1 - alpha_bar[t])
        share = beta[t] * (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t]) / variance[t]
        steps += (scale**2 * missed(t) / variance[t] + D * (share - 1 - np.log(share))) / 2
    return read, -end, steps
