"""Building blocks without likelihoods."""
