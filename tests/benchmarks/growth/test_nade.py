"""What NADE's two computations cost is of one and the same network."""

import torch

from benchmarks.growth.__main__ import measure
from benchmarks.growth.tables import nade
from coursepkg.nets.nade import NADE


def test_both_ways_give_the_same_logits(generator):
    """Kills: a race of two computations of which one is wrong."""
    net = NADE(dim=9, levels=3, hidden=4, generator=generator)
    x = torch.randint(3, (5, 9), generator=generator)
    torch.testing.assert_close(nade.logits_anew(net, x), net(x))


def test_every_size_has_its_row():
    (row,) = measure(nade.TABLE._replace(sizes=[(3,)]))
    assert (row["dim"], row["hidden"]) == (3, nade.HIDDEN)
    assert min(value for name, value in row.items() if name.endswith("seconds")) > 0
