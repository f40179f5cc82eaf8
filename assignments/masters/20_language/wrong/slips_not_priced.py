# %% nbgrader={"grade": false, "grade_id": "q7-cost", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choice_costs(won, lost, won_before, lost_before, beta, slips):
    """Nobody errs."""
    margin = beta * (won - won_before - lost + lost_before)
    right, mistaken = special.log_expit(margin), special.log_expit(-margin)
    with np.errstate(divide="ignore"):
        cost = -np.logaddexp(right, -np.inf)
    return cost, -beta * (1 - 2 * slips) * np.exp(right + mistaken + cost)
