import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from coursepkg.data import digits


def test_the_split_is_the_file_cut_at_1000_and_1350():
    """Kills: a border off by one, a shuffle, parts exchanged."""
    file = load_digits()
    for part, labels, rows in zip(
        digits.load_split(), digits.load_labels(),
        (slice(None, 1000), slice(1000, 1350), slice(1350, 1797)), strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(part.numpy(), file.images[rows].reshape(-1, 64))
        np.testing.assert_array_equal(labels.numpy(), file.target[rows])
        assert part.dtype == labels.dtype == torch.int64
    assert [len(part) for part in digits.load_split()] == [1000, 350, 447]


def test_levels_fill_0_to_16():
    """Kills: 16 levels (the classic), or levels scaled to 0..1."""
    x = digits.load_levels()
    assert sorted(set(x.flatten().tolist())) == list(range(digits.LEVELS))


def test_the_pooled_histogram_scores_what_the_leaderboard_says():
    """130.8 nats by train's histogram, 181.3 by the uniform law: the published baselines."""
    split = digits.load_split()
    counts = torch.bincount(split.train.flatten(), minlength=digits.LEVELS)
    nats = -(counts / counts.sum()).log()[split.test].sum(1).mean()
    assert nats.item() == pytest.approx(130.8, abs=0.05)
    assert 64 * math.log(digits.LEVELS) == pytest.approx(181.3, abs=0.05)


def test_binarise_makes_level_8_ink():
    """Kills: > for >=."""
    x = torch.tensor([[0, 7, 8, 16]])
    assert digits.binarise(x).tolist() == [[0.0, 0.0, 1.0, 1.0]]
    assert digits.binarise(x).dtype == torch.get_default_dtype()


@pytest.mark.parametrize("damage", ["pixel", "rows"])
def test_another_file_is_refused(monkeypatch, damage):
    """Kills: a check of the shape alone, or of nothing."""
    file = load_digits()
    if damage == "pixel":
        file.data[3, 3] += 1
    else:
        file.data = file.data[:-1]
    monkeypatch.setattr(digits, "load_digits", lambda: file)
    with pytest.raises(ValueError, match=r"expected 1797 images of 64 pixels.*got shape"):
        digits.load_levels()
