import torch
from torch.testing import assert_close

from coursepkg.nets import Headed


class Times(torch.nn.Module):
    """x times what is told, 1 unless told."""

    def forward(self, x, told=1.0):
        return x * told


def test_a_head_reads_what_a_told_network_says():
    """Kills: what is told lost on the way, the head before the network."""
    net = Headed(Times(), torch.nn.ReLU())
    assert_close(
        net(torch.tensor([1.0, -2.0]), torch.tensor([3.0, -4.0])), torch.tensor([3.0, 8.0])
    )
    assert_close(net(torch.tensor([1.0, -2.0])), torch.tensor([1.0, 0.0]))
