"""One file a family: each names its `BOARD` and lists its `ENTRIES`. Files are found by name."""
