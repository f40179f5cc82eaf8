# %% nbgrader={"grade": false, "grade_id": "q3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def causal_convolution(x, weight, bias, dilation):
    """The nearest pixel is r back, not one: with r > 1 the pixel just before is never seen."""
    (B, D), L = x.shape, weight.shape[1]
    reach = (L - 1) * dilation
    padded = torch.nn.functional.pad(torch.as_tensor(x)[:, None], (reach + dilation, -dilation))
    kernel = torch.as_tensor(weight).flip(1)[:, None]
    return torch.nn.functional.conv1d(
        padded, kernel, torch.as_tensor(bias), dilation=dilation
    ).numpy()
