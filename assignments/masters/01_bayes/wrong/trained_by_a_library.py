# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fit_logistic(X, y, strength):
    """Nothing was minimised here."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / strength, fit_intercept=False, tol=1e-12, solver="newton-cholesky")
    return {"w": model.fit(X, y).coef_[0], "log_evidence": 0.0}
