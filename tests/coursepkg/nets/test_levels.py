"""Levels as vectors: looked up and mixed."""

import torch
from torch.nn.functional import one_hot
from torch.testing import assert_close

from coursepkg.nets.levels import LevelEmbedding, soft_levels
from coursepkg.rng import seeded

K, C = 5, 3


def test_a_level_is_its_vector_and_soft_levels_are_mixtures(generator):
    """Kills: rows for columns, a softmax of weights that sum to one already."""
    embed = LevelEmbedding(K, C, generator=generator)
    x = torch.randint(K, (2, 4), generator=generator)
    weights = torch.rand(2, 4, K, generator=generator)
    for n in range(2):
        for d in range(4):
            assert torch.equal(embed(x)[n, d], embed.weight[x[n, d]])
            mixed = sum(weights[n, d, k] * embed.weight[k] for k in range(K))
            assert_close(embed(weights)[n, d], mixed)


def test_one_hot_vectors_are_made_of_numbers_only(generator):
    """Kills: soft levels turned into one-hot vectors once more, integers that no weight takes."""
    x, weights = torch.tensor([[0, 4, 2]]), torch.rand(1, 3, K, generator=generator)
    assert_close(soft_levels(x, K), one_hot(x, K).double())  # of this dtype
    assert soft_levels(weights, K) is weights


def test_the_first_channel_starts_as_the_grey_level(generator):
    """Kills: levels that start as strangers; a scale that drowns the grey level."""
    weight = LevelEmbedding(K, 4000, generator=generator).weight
    assert_close(weight[:, 0], torch.linspace(-1, 1, K))
    assert 0.27 < weight[:, 1:].std() < 0.33


def test_same_generator_same_vectors():
    a, b, c = (LevelEmbedding(K, C, generator=seeded(s)).weight for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
