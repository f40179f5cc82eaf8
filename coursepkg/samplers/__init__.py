"""Drawing from laws: transformations of uniform numbers, and Markov chains."""
