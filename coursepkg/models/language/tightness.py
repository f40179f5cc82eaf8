"""Where the mass of a language model goes: to strings that end, or to those that never do."""

import torch
from torch import Tensor

from coursepkg.nets.transformer import Transformer
from coursepkg.validate import check_real


def unfinished(stop: Tensor) -> Tensor:
    r"""Probability that a string has more than t symbols, t = 0, 1, ...: (T,) -> (T,).

    :math:`\prod_{s \le t} (1 - p_s)` where p_s is the probability to end after s symbols, of those
    that got there. Source: :eq:`lm-mass`. The law is tight if it falls to 0.

    Raises:
        TypeError: if the probabilities are no real numbers.
        ValueError: if one is outside [0, 1].
    """
    check_real(stop, event=(), name="stop")
    if not ((stop >= 0) & (stop <= 1)).all():
        raise ValueError(f"stop: expected probabilities in [0, 1], got {stop}")
    return (-stop.double()).log1p().cumsum(0).exp().to(stop)  # 1 - stop may round to 1


@torch.no_grad()
def least_stop(net: Transformer) -> float:
    r"""A number δ > 0 with p(EOS | y) ≥ δ after every y, however long: what makes it tight.

    :math:`\delta = 1 / (1 + (K - 1) e^{2c})` where all scores lie in [-c, c]. Source:
    :eq:`lm-tight`. The last norm, of gains γ and shifts b, has encodings of length
    :math:`\sqrt D \max|\gamma| + |b|` at most, and no embedding is longer than the longest. What is
    below 1e-323 comes out as 0.
    """
    gain, shift = net.norm.weight, net.norm.bias
    longest = len(gain) ** 0.5 * gain.abs().max() + shift.norm()
    c = (longest * net.embed.weight.norm(dim=1).max()).double()
    return float(torch.sigmoid(-2 * c - torch.tensor(net.symbols - 1.0).log()))
