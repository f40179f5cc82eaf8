# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def causal_convolution(x, weight, bias, dilation):
    """Padding 'same' centres the window: it sees the future."""
    (B, D), L = x.shape, weight.shape[1]
    reach = (L - 1) * dilation
    padded = torch.nn.functional.pad(torch.as_tensor(x)[:, None], (reach - reach // 2, reach // 2))
    kernel = torch.as_tensor(weight).flip(1)[:, None]
    return torch.nn.functional.conv1d(
        padded, kernel, torch.as_tensor(bias), dilation=dilation
    ).numpy()
