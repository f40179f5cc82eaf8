"""Commands that train the networks of live figures: `python -m benchmarks.live.NAME`.

A file NAME.py trains one small network from a seed and writes its weights to
`book/live/NAME-weights.js`, which the figure `book/live/NAME.js` reads with `book/live/net.js`: at
most 150 KB, with its scores and where it came from in the comment at its head. It has the options
``--quick``, for a moment's training, which writes only to ``--out``, and ``--out``.
"""
