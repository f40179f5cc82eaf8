# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(X, y, sigma, strength, n, generator):
    """L⁻¹ ε where L⁻ᵀ ε is meant: covariance (LᵀL)⁻¹ for (LLᵀ)⁻¹."""
    X, y = torch.as_tensor(X), torch.as_tensor(y)
    A = X.T @ X / sigma**2 + strength * torch.eye(X.shape[1], dtype=X.dtype)
    L = torch.linalg.cholesky(A)
    noise = torch.randn(X.shape[1], n, generator=generator, dtype=X.dtype)
    mean = torch.linalg.solve(A, X.T @ y / sigma**2)
    return (mean + torch.linalg.solve_triangular(L, noise, upper=False).T).numpy()
