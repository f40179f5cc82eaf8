"""What the entries of NADE and PixelCNN are made of."""

import torch

from benchmarks.leaderboard.entries.labelled import scans
from benchmarks.leaderboard.entries.pixelcnn import distorted
from coursepkg.data.digits import load_split
from coursepkg.rng import seeded


def test_scans_are_the_raster_in_its_directions():
    """Kills: rows for columns, the same direction twice."""
    orders = torch.stack(scans())
    assert torch.equal(orders.sort(1).values, torch.arange(64).expand(3, 64))
    assert orders[:, 0].tolist() == [0, 63, 7]
    assert orders[:, 1].tolist() == [1, 62, 6]


def test_a_distortion_of_no_strength_is_the_image(float32):
    """Kills: a grid that is half a pixel off, rows for columns, truncation for rounding."""
    x = load_split().train[:50]
    still, told = distorted(x, 0.0, seeded(0))
    assert torch.equal(still, x)
    assert (told.shape, told[:, 6].unique().tolist()) == ((50, 7), [1.0])
    moved, same = distorted(x, 0.05, seeded(0))
    assert torch.equal(told, same)
    assert not torch.equal(moved, x)
    assert (moved - x).abs().double().mean() < 2


def test_what_is_told_moves_the_image_there(float32):
    """Kills: entries of another image, rows for columns."""
    x = load_split().train[:200]
    moved, told = distorted(x, 0.1, seeded(0))
    column, row = torch.arange(8.0).repeat(8), torch.arange(8.0).repeat_interleave(8)
    for place, entry in ((column, 2), (row, 5)):  # the constants of the two rows of the map
        before, after = ((y * place).sum(1) / y.sum(1) for y in (x, moved))
        assert torch.corrcoef(torch.stack([after - before, told[:, entry]]))[0, 1] < -0.5
