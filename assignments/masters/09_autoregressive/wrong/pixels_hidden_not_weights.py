# %% nbgrader={"grade": false, "grade_id": "q7-prob", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_log_probs(layers, x):
    """Pixel by pixel: what comes later is set to 0 in the image, and no window is masked."""
    levels, (_, rows, columns) = len(layers[-1][1]), x.shape
    value = torch.as_tensor(2 * x / (levels - 1) - 1)[:, None]
    log_p = np.zeros(x.shape)
    for i, j in np.ndindex(rows, columns):
        a = value.clone()
        a[:, :, i, j:], a[:, :, i + 1 :] = 0, 0
        for weight, bias in layers:
            weight, bias = torch.as_tensor(weight), torch.as_tensor(bias)
            h = torch.nn.functional.conv2d(a, weight, bias, padding=weight.shape[-1] // 2)
            a = h.relu()
        chosen = h[:, :, i, j].log_softmax(1).numpy()
        log_p[:, i, j] = chosen[np.arange(len(x)), x[:, i, j]]
    return log_p
