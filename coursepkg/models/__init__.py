"""The families of generative models, one a file."""
