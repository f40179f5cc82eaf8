# %% nbgrader={"grade": false, "grade_id": "q5-test", "locked": false, "schema_version": 3, "solution": true, "task": false}
def p_value(x, y, h, divisions, generator):
    """Two halves."""
    rows = np.concatenate([x, y])
    kappa = 1 / (1 + ((rows[:, None] - rows) ** 2).sum(2) / h**2)
    np.fill_diagonal(kappa, 0)

    def discrepancy(k, n):
        m = len(k) - n
        within = k[:n, :n].sum() / (n * (n - 1)) + k[n:, n:].sum() / (m * (m - 1))
        return within - 2 * k[:n, n:].mean()

    given, worse = discrepancy(kappa, len(x)), 0
    for _ in range(divisions):
        order = torch.randperm(len(rows), generator=generator).numpy()
        worse += discrepancy(kappa[order][:, order], len(rows) // 2) >= given
    return (1 + worse) / (1 + divisions)
