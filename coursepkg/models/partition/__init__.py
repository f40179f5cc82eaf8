"""Learning a law whose normaliser is out of reach: objectives around any model with a free energy.

Each is a module with `loss(x, *, generator)`, to be handed to `coursepkg.training.fit`. Most losses
are no likelihoods: they compare parameters of one model, and not one model with another.
"""
