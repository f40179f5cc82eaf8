"""Commands that train the weights which chapters show: `python -m benchmarks.gallery.NAME`.

A file NAME.py trains one model from a seed and writes `coursepkg/weights/NAME.pt`: a `state_dict`
only, so that it loads with ``torch.load(..., weights_only=True)``; `NAME.json` beside it, which
says of which version it is (``coursepkg.load(NAME)`` looks); and, beside the results,
`benchmarks/results/gallery-NAME.json` with its scores and where it came from. It has the options
``--quick``, for a moment's training, which writes only to ``--out``, and ``--out``. Whoever changes
a model whose weights lie there runs its command again.
"""
