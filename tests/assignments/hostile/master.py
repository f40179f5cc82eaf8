# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: nbgrader,tags,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---
# grader: delete = coursepkg.bayes.coin
# grader: close = networkx
# grader: seconds = 12

# %% [markdown] nbgrader={"grade": false, "grade_id": "intro", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # Three small questions
# Only the hostile submissions of the test suite answer them.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math

import numpy as np


def normals(n, seed):
    """n draws from a standard normal distribution."""
    return np.random.default_rng(seed).normal(size=n)


# %% nbgrader={"grade": false, "grade_id": "q1", "locked": false, "schema_version": 3, "solution": true, "task": false}
def scale(x, factor):
    """The array or number x times factor."""
    ### BEGIN SOLUTION
    return x * factor
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
np.testing.assert_allclose(scale(3.0, 2.0), 6.0)

# %% nbgrader={"grade": true, "grade_id": "q1-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# hint: try an array
### BEGIN HIDDEN TESTS
x = np.random.default_rng(SEED).normal(size=5)
got = scale(x, 2.5)
np.testing.assert_allclose(got, 2.5 * x)
assert np.shape(got) == (5,)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "q2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_evidence(k, n, a, b):
    """log p(D) of one sequence of n tosses with k heads, for θ ~ Beta(a, b), in nats."""
    ### BEGIN SOLUTION
    def log_beta(s, t):
        return math.lgamma(s) + math.lgamma(t) - math.lgamma(s + t)

    return log_beta(a + k, b + n - k) - log_beta(a, b)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q2-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
np.testing.assert_allclose(log_evidence(1, 1, 1.0, 1.0), np.log(0.5))

# %% nbgrader={"grade": true, "grade_id": "q2-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# hint: Beta(a, b) need not be uniform
### BEGIN HIDDEN TESTS
from coursepkg.bayes.coin import BetaBernoulli

a, b = np.random.default_rng(SEED).uniform(0.5, 4.0, size=2).tolist()
want = BetaBernoulli(a, b).log_evidence_sequence(5, 9)
np.testing.assert_allclose(log_evidence(5, 9, a, b), want, rtol=1e-6)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def draws(n, seed):
    """n draws from a normal distribution of mean 3 and standard deviation 2, shape (n,)."""
    ### BEGIN SOLUTION
    return 3 + 2 * normals(n, seed)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "q3-visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert draws(4, 0).shape == (4,)

# %% nbgrader={"grade": true, "grade_id": "q3-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# hint: use the seed that you are given
### BEGIN HIDDEN TESTS
assert np.allclose(draws(1000, SEED), 3 + 2 * normals(1000, SEED))
### END HIDDEN TESTS
