# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(X, y, sigma, strength, n, generator):
    """Whoever asks twice gets the same."""
    A = X.T @ X / sigma**2 + strength * np.eye(X.shape[1])
    mean = np.linalg.solve(A, X.T @ y / sigma**2)
    return np.random.default_rng(0).multivariate_normal(mean, np.linalg.inv(A), size=n)
