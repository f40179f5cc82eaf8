# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: nbgrader,tags,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
# grader: delete = coursepkg.bayes.coin
# grader: seconds = 12

# %% [markdown]
# # Two small questions, for the grader's own tests

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

SEED = 0


def square(x):
    return x * x


# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softmax(a):
    """Probabilities, from the logits of the last axis."""
    ### BEGIN SOLUTION
    e = np.exp(a - a.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
p = softmax(np.zeros(4))
np.testing.assert_allclose(p, np.full(4, 0.25))

# %% nbgrader={"grade": true, "grade_id": "q1-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
# hint: logits of a thousand overflow in the exponential
a = 1000 + np.random.default_rng(SEED).normal(size=(3, 5))
p = softmax(a)
assert p.shape == (3, 5)
np.testing.assert_allclose(np.log(p[:, :1] / p), a[:, :1] - a, atol=1e-9)
np.testing.assert_allclose(p.sum(-1), np.ones(3))
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def integrate(f, n):
    """The integral of f over [0, 1], by the midpoint rule with n points; n must be positive."""
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError("n must be positive")
    return float(np.mean(f((np.arange(n) + 0.5) / n)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert abs(integrate(square, 100) - 1 / 3) < 1e-4, "the integral of x² is 1/3"

# %% nbgrader={"grade": true, "grade_id": "q2-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
# hint: the midpoints, not the left ends; and no points is an error
n = int(np.random.default_rng(SEED).integers(3, 9))
assert abs(integrate(square, n) - (1 / 3 - 1 / (12 * n**2))) < 1e-12
try:
    integrate(square, 0)
except ValueError:
    pass
else:
    raise AssertionError("no error for n = 0")
### END HIDDEN TESTS
