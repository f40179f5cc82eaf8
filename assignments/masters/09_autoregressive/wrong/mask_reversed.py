# %% nbgrader={"grade": false, "grade_id": "q7-prob", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_log_probs(layers, x):
    """The mask of a convolution that turns its window round, for one that does not."""
    levels = len(layers[-1][1])
    a = torch.as_tensor(2 * x / (levels - 1) - 1)[:, None]
    for number, (weight, bias) in enumerate(layers):
        k = weight.shape[-1]
        mask = np.arange(k * k)[::-1].reshape(k, k) < k * k // 2 + (number > 0)
        masked, bias = torch.as_tensor(weight * mask), torch.as_tensor(bias)
        h = torch.nn.functional.conv2d(a, masked, bias, padding=k // 2)
        a = h.relu()
    log_p = h.log_softmax(1)
    return log_p.gather(1, torch.as_tensor(x)[:, None])[:, 0].numpy()
