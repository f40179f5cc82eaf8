"""Data that ships with libraries or is made by us: arrays, and the true log-density where known."""
