"""One file a family: each has its `TABLE`. Files are found by name."""
