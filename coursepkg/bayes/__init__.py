"""Bayesian inference in closed form: coin, regression, information."""
