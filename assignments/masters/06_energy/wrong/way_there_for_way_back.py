# %% nbgrader={"grade": false, "grade_id": "q2-out", "locked": false, "schema_version": 3, "solution": true, "task": false}
def out_in(rbm, H):
    """sigm(b_j + Σ_i w_ij v_i), as printed."""
    return special.expit(rbm["c"] + H @ rbm["W"])
