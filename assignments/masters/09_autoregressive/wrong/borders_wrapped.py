# %% nbgrader={"grade": false, "grade_id": "q7-prob", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_log_probs(layers, x):
    """Shifts that come in again on the other side: the first column sees the end of its own row."""
    levels = len(layers[-1][1])
    a = (2 * x / (levels - 1) - 1)[:, None]
    for number, (weight, bias) in enumerate(layers):
        k = weight.shape[-1]
        h = np.tile(np.asarray(bias)[:, None, None], (len(x), 1, *x.shape[1:])).astype(float)
        for u, v in list(np.ndindex(k, k))[: k * k // 2 + (number > 0)]:
            moved = np.roll(a, (k // 2 - u, k // 2 - v), axis=(2, 3))
            h += np.einsum("ce,beij->bcij", weight[:, :, u, v], moved)
        a = np.maximum(h, 0)
    log_p = special.log_softmax(h, axis=1)
    return np.take_along_axis(log_p, x[:, None], axis=1)[:, 0]
