# %% nbgrader={"grade": false, "grade_id": "q4-path", "locked": false, "schema_version": 3, "solution": true, "task": false}
def path(theta, psi, c, gamma, step_size, rounds, ahead):
    """One after the other."""
    places = [np.array([theta, psi], dtype=float)]
    for _ in range(rounds):
        theta = theta + step_size * psi * special.expit(-psi * theta)
        pull = c * special.expit(-psi * c) - theta * special.expit(psi * theta)
        psi = psi + step_size * (pull - gamma * psi)
        places.append(np.array([theta, psi]))
    return np.stack(places)
