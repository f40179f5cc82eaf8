"""The copies that PixelCNNs, transformers and diffusions learn from."""

import torch

from benchmarks.leaderboard.copies import TOLD, among_copies, distorted
from coursepkg.data.digits import load_split
from coursepkg.rng import seeded


def test_images_and_copies_stand_in_the_order_of_the_images(float32):
    """Kills: copies of another image, copies that are alike, originals that are told something."""
    x = load_split().train[:50]
    levels, told = among_copies(x, originals=2, copies=3, generator=seeded(0))
    assert (levels.shape, told.shape) == ((250, 64), (250, TOLD))
    assert torch.equal(levels[:100], x.repeat(2, 1))
    assert not told[:100].any()
    assert torch.equal(told[100:, -1], torch.ones(150))
    assert len(told[100:].unique(dim=0)) == 150
    away = torch.cdist(levels[100:].double(), x.double())
    own = away[torch.arange(150), torch.arange(50).repeat(3)]
    assert own.mean() < 0.8 * away.mean()


def test_copies_are_told_how_they_were_moved(float32):
    """By least squares: the centre of the ink moves against both maps, in their proportion.

    Kills: entries of another image, rows for columns, bends that move nothing.
    """
    x = load_split().train
    moved, told = distorted(x, seeded(0))
    assert told.shape == (1000, TOLD)
    assert torch.equal(told[:, -1], torch.ones(1000))
    column, row = torch.arange(8.0).repeat(8), torch.arange(8.0).repeat_interleave(8)
    bends = told[:, 6:-1].unflatten(1, (2, 9)).mean(2)  # as much everywhere: a shift
    causes = torch.cat([told[:, :6], bends, told[:, -1:]], dim=1)
    for place, affine, bend in ((column, 2, 6), (row, 5, 7)):
        before, after = ((y * place).sum(1) / y.sum(1) for y in (x, moved))
        found = torch.linalg.lstsq(causes, (after - before)[:, None]).solution[:, 0]
        assert found[affine] < 0
        assert 0.2 < found[bend] / found[affine] < 0.7  # 0.05 / 0.12 where all ink moves alike
