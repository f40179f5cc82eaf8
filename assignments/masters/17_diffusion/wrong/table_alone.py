# %% nbgrader={"grade": false, "grade_id": "q7-denoise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def denoise(params, z, log_snr):
    """Nothing learned."""
    level, e = log_snr[:, None], np.linspace(-1, 1, 17)
    alpha, sigma = np.sqrt(special.expit(level)), np.sqrt(special.expit(-level))
    told = np.hstack([z, np.sin(level / 3), np.cos(level / 3), level / 4, alpha])
    h = told @ params["W"].T + params["c"]
    h = h * special.expit(h)
    slope, bend = np.split(h @ params["V"].T + params["b"], 2, axis=1)
    logits = params["table"] + 0 * slope[:, :, None] * e + 0 * bend[:, :, None]
    away = (z[:, :, None] - alpha[:, :, None] * e) / sigma[:, :, None]
    return special.softmax(logits - away**2 / 2, axis=2) @ e
