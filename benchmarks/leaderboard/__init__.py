"""One data set, one split, one unit: `python -m benchmarks.leaderboard` scores the families.

A family is a file of `entries`: it names its `BOARD` and lists its `ENTRIES`. `store` keeps what is
finished, and `python -m benchmarks.leaderboard.report` makes the table and the figure of it.
"""
