"""Every causal network at one small size, its weights far from any symmetric start."""

import torch

from coursepkg.nets.gated import GatedPixelCNN
from coursepkg.nets.made import MADE, InOrder
from coursepkg.nets.nade import NADE
from coursepkg.nets.pixelcnn import PixelCNN
from coursepkg.nets.recurrent import RasterGRU, RowLSTM
from coursepkg.nets.wavenet import WaveNet

SHAPE, D, K = (3, 4), 12, 3
ORDER = torch.tensor([5, 0, 11, 3, 8, 1, 10, 2, 7, 4, 9, 6])

MAKE = {
    "NADE": lambda g: NADE(dim=D, levels=K, hidden=7, generator=g),
    "MADE": lambda g: MADE(dim=D, levels=K, hidden=[30, 30], generator=g),
    "MADE-in-order": lambda g: InOrder(MADE(dim=D, levels=K, hidden=[30], generator=g), ORDER),
    "GRU": lambda g: RasterGRU(dim=D, levels=K, embedding=3, hidden=6, generator=g),
    "row-LSTM": lambda g: RowLSTM(SHAPE, levels=K, embedding=3, hidden=6, generator=g),
    "PixelCNN": lambda g: PixelCNN(SHAPE, levels=K, embedding=3, channels=8, window=3, blocks=3,
                                   generator=g),
    "gated": lambda g: GatedPixelCNN(SHAPE, levels=K, embedding=3, channels=6, window=3, layers=3,
                                     generator=g),
    "WaveNet": lambda g: WaveNet(levels=K, channels=5, dilations=[1, 2, 4], generator=g),
}  # fmt: skip
STEPWISE = ["NADE", "GRU", "row-LSTM", "PixelCNN", "gated", "WaveNet"]


def check_seeds(make):
    """Every random weight comes from the generator: no two seeds share one, equal seeds do."""
    a, b, c = (make(torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    drawn = 0
    for (name, p), q, r in zip(a.named_parameters(), b.parameters(), c.parameters(), strict=True):
        assert torch.equal(p, q), name
        if len(p.unique()) > 1:  # not a constant start
            assert not torch.equal(p, r), name
            drawn += 1
    assert drawn > 1, "vacuous: nothing is drawn"


def causal(name, generator):
    """The network of this name, in eval mode."""
    net = MAKE[name](generator)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.4)
    return net.eval()
