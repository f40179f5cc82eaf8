"""Adversarial networks of the digits: no density, so that the board prints — and measures samples.

Beside them the training images themselves: what a model that learned them by heart would score.
Most measures like it; `nearest` does not.
"""

import torch
from torch import Generator, Tensor

from benchmarks.leaderboard.board import DIGITS, Entry
from coursepkg.data.digits import Split


def memory(split: Split, generator: Generator, quick: bool) -> Tensor:
    """The training images."""
    return split.train


def recalled(images: Tensor, n: int, generator: Generator) -> Tensor:
    """Any n of them, none twice."""
    return images[torch.randperm(len(images), generator=generator)[:n]]


BOARD = DIGITS
ENTRIES = (Entry("the training images", memory, learned=Tensor.numel, draw=recalled),)
