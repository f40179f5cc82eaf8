"""What the entries of NADE, PixelCNN and their ensembles are made of."""

import torch

from benchmarks.leaderboard.entries.ensemble import scans
from benchmarks.leaderboard.entries.pixelcnn import distorted
from coursepkg.data.digits import load_split
from coursepkg.rng import seeded


def test_scans_are_the_raster_in_its_directions():
    """Kills: rows for columns, the same direction twice."""
    orders = torch.stack(scans())
    assert torch.equal(orders.sort(1).values, torch.arange(64).expand(4, 64))
    assert orders[:, 0].tolist() == [0, 63, 7, 56]
    assert orders[:, 1].tolist() == [1, 62, 6, 57]


def test_a_distortion_of_no_strength_is_the_image(float32):
    """Kills: a grid that is half a pixel off, rows for columns, truncation for rounding."""
    x = load_split().train[:50]
    assert torch.equal(distorted(x, 0.0, seeded(0)), x)
    moved = distorted(x, 0.05, seeded(0))
    assert not torch.equal(moved, x)
    assert (moved - x).abs().double().mean() < 2
