# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def causal_convolution(x, weight, bias, dilation):
    """torch's convolution is a correlation: the first weight meets the oldest pixel."""
    (B, D), L = x.shape, weight.shape[1]
    reach = (L - 1) * dilation
    padded = torch.nn.functional.pad(torch.as_tensor(x)[:, None], (reach + 1, -1))
    kernel = torch.as_tensor(weight)[:, None]
    return torch.nn.functional.conv1d(
        padded, kernel, torch.as_tensor(bias), dilation=dilation
    ).numpy()
