# %% nbgrader={"grade": false, "grade_id": "q6-normal", "locked": false, "schema_version": 3, "solution": true, "task": false}
def guided_normal(class_mean, class_std, mean, std, w, start):
    """Deviations added."""

    def factor(sigma):
        """How z - (its mean) changes along the way, up to a constant."""
        by_class = (sigma + class_std) ** w
        return by_class * (sigma + std) ** (1 - w)

    x, weight = np.polynomial.legendre.leggauss(200)
    top = np.log(start / class_std + 1)  # σ = s_c (e^v - 1), v from 0 to top
    v = top * (x + 1) / 2
    sigma = class_std * np.expm1(v)
    pull = w * class_mean / (sigma**2 + class_std**2) + (1 - w) * mean / (sigma**2 + std**2)
    inner = sigma * pull / factor(sigma) * class_std * np.exp(v)
    drawn = factor(0) * (inner @ weight * top / 2), start * factor(0) / factor(start)
    precision = w / class_std**2 + (1 - w) / std**2
    centre = (w * class_mean / class_std**2 + (1 - w) * mean / std**2) / precision
    return np.array([drawn, (centre, precision**-0.5)])
