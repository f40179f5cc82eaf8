"""Bayesian inference in closed form: coin, regression, information."""

from coursepkg.bayes.coin import BetaBernoulli, count_heads, log_binomial, log_likelihood
from coursepkg.bayes.information import cross_entropy, entropy, histogram, huffman, kl, kraft_sum
from coursepkg.bayes.regression import (
    BayesianRegression,
    coordinate_sweep,
    laplace_log_evidence,
    lasso,
    lasso_path,
    maximise_evidence,
    ridge,
    ridge_path,
    soft_threshold,
)
from coursepkg.bayes.spectrum import ar_path, ar_spectrum, periodogram, welch
from coursepkg.bayes.variational import (
    Gaussian,
    MeanField,
    NormalGamma,
    bound_draws,
    mean_field,
    mean_field_bound,
    stochastic_vi,
)

__all__ = [
    "BayesianRegression",
    "BetaBernoulli",
    "Gaussian",
    "MeanField",
    "NormalGamma",
    "ar_path",
    "ar_spectrum",
    "bound_draws",
    "coordinate_sweep",
    "count_heads",
    "cross_entropy",
    "entropy",
    "histogram",
    "huffman",
    "kl",
    "kraft_sum",
    "laplace_log_evidence",
    "lasso",
    "lasso_path",
    "log_binomial",
    "log_likelihood",
    "maximise_evidence",
    "mean_field",
    "mean_field_bound",
    "periodogram",
    "ridge",
    "ridge_path",
    "soft_threshold",
    "stochastic_vi",
    "welch",
]
