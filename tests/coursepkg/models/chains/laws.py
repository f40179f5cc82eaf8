"""Small laws and denoisers that the tests of the chains share."""

import torch

from coursepkg.enumeration import table_states
from coursepkg.models.chains import JointDenoiser, Mask, PixelDenoiser
from coursepkg.nets import MLP, LevelEmbedding


def small_law(S, seed=0):
    """A law over S states, all of them possible."""
    p = torch.rand(S, generator=torch.Generator().manual_seed(seed)) + 0.05
    return p / p.sum()


def noisy_states(D, levels):
    """All x̃ of D variables, of which each may be missing."""
    return table_states([levels + 1] * D)


def joint(D, levels, *, generator, hidden=16):
    """Any law given x̃, by a small network."""
    net = perceptron(D, levels, levels**D, hidden, generator)
    return JointDenoiser(net, dim=D, levels=levels)


def pixels(D, levels, *, generator, hidden=16):
    """Independent pixels given x̃, of which half are missing."""
    net = perceptron(D, levels, levels * D, hidden, generator)
    return PixelDenoiser(net, dim=D, corruption=Mask(0.5, levels=levels))


def perceptron(D, levels, outputs, hidden, generator):
    channels = levels + 1
    return torch.nn.Sequential(
        LevelEmbedding(levels + 1, channels, generator=generator),
        torch.nn.Flatten(),
        MLP([D * channels, hidden, outputs], generator=generator),
    )


class Told(torch.nn.Module):
    """Logits that are looked up by the number of x̃: what a test says that they are.

    Args:
        logits: one row for each x̃ of levels 0..K, the last variable fastest.
        levels: K.
    """

    def __init__(self, logits, levels):
        super().__init__()
        self.logits, self.levels = torch.nn.Parameter(logits), levels

    def forward(self, noisy):
        place = (self.levels + 1) ** torch.arange(noisy.shape[1] - 1, -1, -1)
        return self.logits[(noisy * place).sum(1)]
