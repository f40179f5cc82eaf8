"""The families of generative models, one a file or one a folder."""
