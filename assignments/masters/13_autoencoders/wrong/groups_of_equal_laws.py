# %% nbgrader={"grade": false, "grade_id": "q6", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split_rate(mean, std):
    """Counts of equal rows."""
    rate = (mean**2 + std**2 - 1 - 2 * np.log(std)).mean(0) / 2
    information = np.zeros(mean.shape[1])
    for j in range(mean.shape[1]):
        _, counts = np.unique(np.stack([mean[:, j], std[:, j]]), axis=1, return_counts=True)
        share = counts / len(mean)
        information[j] = -(share * np.log(share)).sum()
    return rate, information, rate - information
