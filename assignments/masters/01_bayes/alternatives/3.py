# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_odds_posterior(u, k, n, a, b):
    """With the logistic function's logarithm of a library."""
    log_constant = special.gammaln(a + b + n) - special.gammaln(a + k) - special.gammaln(b + n - k)
    return log_constant + (a + k) * special.log_expit(u) + (b + n - k) * special.log_expit(-u)

# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_evidence_of_reports(heads, tosses, a, b):
    """The integral, by numbers."""

    def joint(theta):
        return np.prod(stats.binom.pmf(heads, tosses, theta)) * stats.beta.pdf(theta, a, b)

    return np.log(integrate.quad(joint, 0, 1, epsabs=0, epsrel=1e-11)[0])

# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gaussian_nll(y, mean, log_var):
    """A library's density, for its standard deviation."""
    return -np.einsum("nd->n", stats.norm.logpdf(y, loc=mean, scale=np.exp(log_var / 2)))

# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_predictive(log_lik):
    """In single precision."""
    log_lik = log_lik.astype(np.float32)
    return special.logsumexp(log_lik, axis=0, b=np.float32(1 / len(log_lik)))

# %% nbgrader={"grade": false, "grade_id": "q5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_posterior(X, y, sigma, strength, n, generator):
    """A library's draws, from a generator that the given one seeds."""
    covariance = np.linalg.inv(X.T @ X / sigma**2 + strength * np.eye(X.shape[1]))
    law = stats.multivariate_normal(covariance @ X.T @ y / sigma**2, covariance)
    rng = np.random.default_rng(generator.initial_seed())
    return law.rvs(n, random_state=rng).reshape(n, -1)

# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_logistic(X, y, strength):
    """A library's minimum of a function."""

    def energy(w):
        return -special.log_expit(y * (X @ w)).sum() + strength * w @ w / 2

    def gradient(w):
        return -X.T @ (y * special.expit(-y * (X @ w))) + strength * w

    def second(w):
        p = special.expit(X @ w)
        return np.einsum("n,ni,nj->ij", p * (1 - p), X, X) + strength * np.eye(len(w))

    start, options = np.zeros(X.shape[1]), {"gtol": 1e-8}
    w = optimize.minimize(
        energy, start, jac=gradient, hess=second, method="trust-exact", options=options
    ).x
    volume = np.linalg.slogdet(second(w) / strength)[1]
    return {"w": w, "log_evidence": -energy(w) - volume / 2}
