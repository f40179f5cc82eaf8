# %% nbgrader={"grade": false, "grade_id": "q4-path", "locked": false, "schema_version": 3, "solution": true, "task": false}
def path(theta, psi, c, gamma, step_size, rounds, ahead):
    """Twice the price."""

    def v(u):
        theta, psi = u
        return np.array([
            psi * special.expit(-psi * theta),
            c * special.expit(-psi * c) - theta * special.expit(psi * theta) - 2 * gamma * psi,
        ])

    places = [np.array([theta, psi], dtype=float)]
    for _ in range(rounds):
        u = places[-1]
        places.append(u + step_size * v(u + step_size * v(u) if ahead else u))
    return np.stack(places)
