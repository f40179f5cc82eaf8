"""The best directed tree for data: exact structure learning, in a case where it is easy."""

from itertools import combinations

import networkx as nx
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from coursepkg.counts import check_counts
from coursepkg.divergences import divergence_terms
from coursepkg.graphs.directed import DirectedModel, Table
from coursepkg.validate import ANY, check_levels, check_positive


def chow_liu(x: Tensor, *, levels: int, smoothing: float) -> DirectedModel:
    """The tree of highest likelihood among all trees, each variable given one other (but the root).

    The log-likelihood of a tree is a constant plus N times the sum, over its edges, of the mutual
    information between the two ends; so the best is a maximum spanning tree. Pseudo-observations
    count as data. The direction of the arrows makes no difference; they point away from the first
    variable. O(N D² K² + D² log D).
    Source: :eq:`chow-liu`; Chow and Liu (1968).

    Args:
        x: levels (N, D) with D >= 2.
        levels: number of levels K.
        smoothing: pseudo-observations that are spread evenly over the K² cells of each pair.

    Returns:
        The model, with variables named x1, ..., xD.

    Raises:
        TypeError: if x is not an integer tensor.
        ValueError: if x has fewer than two columns, a level is wrong, or `smoothing` is not > 0.
    """
    check_positive(smoothing=smoothing)
    check_counts(levels=levels)
    check_levels(x, event=(ANY,), levels=levels)
    if x.shape[1] < 2:
        raise ValueError(f"x: expected (N, D) with two columns or more, got {tuple(x.shape)}")
    alone, pair = _probs(x, levels, smoothing)  # (D, K) and (D, K, D, K), in double precision
    dtype = torch.get_default_dtype()
    apart = alone[:, :, None, None] * alone
    information = divergence_terms(pair, apart).sum((1, 3))
    pairs = nx.Graph()
    pairs.add_weighted_edges_from(
        (i, j, information[i, j].item()) for i, j in combinations(range(x.shape[1]), 2)
    )
    laws = {0: Table(alone[0].to(dtype))}
    for parent, child in nx.bfs_edges(nx.maximum_spanning_tree(pairs), 0):
        given = pair[parent, :, child] / alone[parent][:, None]
        laws[child] = Table(given.to(dtype), parents=[f"x{parent + 1}"])
    return DirectedModel({f"x{d + 1}": laws[d] for d in range(x.shape[1])})


def _probs(x: Tensor, levels: int, smoothing: float) -> tuple[Tensor, Tensor]:
    """Smoothed shares of the levels, (D, K), and of pairs of them, (D, K, D, K), which agree."""
    N, D = x.shape
    seen = one_hot(x, levels).double().flatten(1)
    count = seen.T @ seen
    alone = (count.diagonal().view(D, levels) + smoothing / levels) / (N + smoothing)
    pair = (count.view(D, levels, D, levels) + smoothing / levels**2) / (N + smoothing)
    return alone, pair
