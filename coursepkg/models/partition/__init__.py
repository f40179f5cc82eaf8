"""Estimation without Z, and estimates of Z."""
