# %% nbgrader={"grade": false, "grade_id": "q5-test", "locked": false, "schema_version": 3, "solution": true, "task": false}
def p_value(x, y, h, divisions, generator):
    """The other tail."""
    rows, N = np.concatenate([x, y]), len(x)
    kappa = 1 / (1 + ((rows[:, None] - rows) ** 2).sum(2) / h**2)
    np.fill_diagonal(kappa, 0)

    def discrepancy(order):
        k, M = kappa[order][:, order], len(rows) - N
        within = k[:N, :N].sum() / (N * (N - 1)) + k[N:, N:].sum() / (M * (M - 1))
        return within - 2 * k[:N, N:].mean()

    given = discrepancy(np.arange(len(rows)))
    orders = [torch.randperm(len(rows), generator=generator).numpy() for _ in range(divisions)]
    worse = sum(discrepancy(order) <= given for order in orders)
    return (1 + worse) / (1 + divisions)
