"""Commands behind the numbers of the course, by kind: a new family adds a file and edits none.

`leaderboard` scores families on one split; `growth` measures cost against size; `speed` races us
beside peers; `studies` answer one question each; `gallery` trains the weights that chapters show.
All but the last write `benchmarks/results/NAME.json`, with where it came from.
"""
