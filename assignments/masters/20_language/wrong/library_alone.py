# %% nbgrader={"grade": false, "grade_id": "q2-attend", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attend(q, k, v, first, window):
    """What there is."""
    q, k, v = map(torch.as_tensor, (q, k, v))
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
