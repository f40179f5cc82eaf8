"""Restricted Boltzmann machines: the models, how they learn, and the lecture's small interface."""
