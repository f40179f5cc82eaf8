# %% nbgrader={"grade": false, "grade_id": "q1-solve", "locked": false, "schema_version": 3, "solution": true, "task": false}
def equilibrium(A):
    """Blue's program with Red's sign."""
    M, N = A.shape
    laws = []
    for B, rows, sign in ((A.T, M, -1), (A, N, -1)):  # Red: Aᵀp >= v; Blue: A q <= v
        cost, total = np.append(np.zeros(rows), sign), np.append(np.ones(rows), 0)[None]
        most = np.column_stack([sign * B, np.full(len(B), -sign)])
        bounds = [(0, None)] * rows + [(None, None)]
        found = optimize.linprog(cost, most, np.zeros(len(B)), total, [1], bounds=bounds)
        laws.append(found.x[:rows])
    p, q = laws
    return p, q, p @ A @ q
