# %% nbgrader={"grade": false, "grade_id": "q4-path", "locked": false, "schema_version": 3, "solution": true, "task": false}
def path(theta, psi, c, gamma, step_size, rounds, ahead):
    """As if ψ were 0 for ever."""
    t = np.arange(rounds + 1)
    return np.column_stack([np.full(len(t), theta), psi + step_size * t * (c - theta) / 2])


# %% nbgrader={"grade": false, "grade_id": "q4-eigenvalues", "locked": false, "schema_version": 3, "solution": true, "task": false}
def eigenvalues(c, gamma):
    """c = 0 and a small price."""
    root = 1j * np.sqrt(abs(0.25 - gamma**2 / 4))
    return np.array([-gamma / 2 - root, -gamma / 2 + root])
