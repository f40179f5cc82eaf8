# %% nbgrader={"grade": false, "grade_id": "q1-law", "locked": false, "schema_version": 3, "solution": true, "task": false}
def factor_log_prob(x, mean, G, noise):
    """As if the noise's variances were given."""
    noise = np.sqrt(noise)
    y, A = (x - mean) / noise, G / noise[:, None]
    inner, code = A.T @ A + np.eye(G.shape[1]), y @ A
    square = (y**2).sum(1) - (code * np.linalg.solve(inner, code.T).T).sum(1)
    log_det = np.linalg.slogdet(inner)[1] + 2 * np.log(noise).sum()
    return -(square + log_det + len(mean) * np.log(2 * np.pi)) / 2
