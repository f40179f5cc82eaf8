"""Graphical models: directed by conditionals, undirected by factors."""
