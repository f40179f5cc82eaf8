"""Reference implementations of the course on generative models, one family a file."""
