"""WaveNet: dilated causal convolutions, whose reach doubles with every layer."""

from collections import deque
from collections.abc import Sequence
from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad

from coursepkg.counts import check_counts, check_integer_lists, check_sizes
from coursepkg.nets.gated import gate
from coursepkg.nets.levels import LevelEmbedding
from coursepkg.rng import global_state_from

Memory = tuple[Tensor, deque[Tensor]]  # a condition's shift, and the last δ inputs


class DilatedLayer(nn.Module):
    r"""Sees two samples, δ apart: :math:`z_t = \tanh(a_t) σ(b_t)`, (a, b)_t = W y_t + W' y_{t-δ}.

    Gives y_t + A z_t to the next layer (residual) and S z_t to the logits (skip). Source:
    :eq:`wavenet-layer`; van den Oord et al., "WaveNet" (2016), sections 2.1 to 2.4.

    Args:
        channels: channels C of the signal.
        dilation: δ >= 1, samples.
        conditions: size of a condition, which shifts a and b; 0 for none.
        generator: draws the initial weights.
    """

    def __init__(
        self, channels: int, dilation: int, *, conditions: int, generator: Generator
    ) -> None:
        check_counts(channels=channels, dilation=dilation)
        check_sizes(conditions=conditions)
        super().__init__()
        self.dilation = dilation
        with global_state_from(generator):
            self.now = nn.Linear(channels, 2 * channels)
            self.past = nn.Linear(channels, 2 * channels, bias=False)
            self.out, self.skip = nn.Linear(channels, channels), nn.Linear(channels, channels)
            self.given = nn.Linear(conditions, 2 * channels, bias=False) if conditions else None

    def forward(self, y: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """The next layer's signal and the skip, each (B, T, C), zeros before the start."""
        past = pad(y, (0, 0, self.dilation, 0))[:, : y.shape[1]]
        return self.unit(y, past, self.shift(condition)[:, None])

    def unit(self, now: Tensor, past: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
        """The same from y_t and y_{t-δ}, (..., C): one time or all of them."""
        z = gate(self.now(now) + self.past(past) + shift, dim=-1)
        return now + self.out(z), self.skip(z)

    def shift(self, condition: Tensor | None) -> Tensor:
        """What a condition adds in front of the gate, (B, 2 C); nothing without one."""
        if self.given is None:
            return self.out.weight.new_zeros(1, 1)
        shift: Tensor = self.given(condition)
        return shift


class WaveNet(nn.Module):
    r"""Logits of x_t from at most 1 + Σ δ samples before it, the same network at every time.

    The levels are shifted by one sample and embedded; layers with dilations δ follow, so that
    1, 2, 4, ..., 2^(L-1) reach 2^L samples in L layers. The last signal and all skips together
    give the logits.

    A draw costs O(1) a sample with memory: each layer keeps a queue of its last δ inputs and never
    computes one twice (Le Paine et al., "Fast WaveNet generation algorithm", 2016).

    Args:
        levels: number of levels K, such as 256 of the μ-law.
        channels: channels C of the signal.
        dilations: δ of each layer.
        conditions: size of a condition; 0 for none.
        generator: draws the initial weights.
    """

    def __init__(
        self, *, levels: int, channels: int, dilations: Sequence[int], conditions: int = 0,
        generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(dilations=dilations)
        check_counts(levels=levels, channels=channels)
        check_sizes(conditions=conditions)
        super().__init__()
        if not dilations or min(dilations) < 1:
            raise ValueError(f"dilations: expected one or more, each >= 1, got {list(dilations)}")
        self.embed = LevelEmbedding(levels, channels, generator=generator)
        self.layers = nn.ModuleList(
            DilatedLayer(channels, dilation, conditions=conditions, generator=generator)
            for dilation in dilations
        )
        with global_state_from(generator):
            self.mix, self.head = nn.Linear(channels, channels), nn.Linear(channels, levels)

    @property
    def reach(self) -> int:
        """How many samples back from x_t its logits see: 1 + Σ δ. Source: :eq:`wavenet-reach`."""
        return 1 + sum(layer.dilation for layer in self._layers)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps levels (B, T), or soft ones (B, T, K), to logits (B, T, K)."""
        signals, skips = self.features(x, condition)
        return self._logits(signals[-1], skips)

    def features(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The signals, the shifted input first, and the skips of the layers: (L, B, T, C)."""
        signals, skips = [pad(self.embed(x)[:, :-1], (0, 0, 1, 0))], []
        for layer in self.layers:
            signal, skip = layer(signals[-1], condition)
            signals.append(signal)
            skips.append(skip)
        return torch.stack(signals), torch.stack(skips)

    def start(self, n: int, condition: Tensor | None = None) -> list[Memory]:
        """The memory before the first sample: the condition's shift and a queue for each layer."""
        zeros = self.head.weight.new_zeros(n, self.head.in_features)
        return [(layer.shift(condition), deque([zeros] * layer.dilation)) for layer in self._layers]

    def step(self, memory: list[Memory], x: Tensor, d: int) -> Tensor:
        """Logits of x_d, (B, K), from x_{d-1} and the queues, which move on, in `memory`."""
        y, skips = self.embed(x[:, d - 1]) * (d > 0), []
        for layer, (shift, queue) in zip(self._layers, memory, strict=True):
            queue.append(y)
            y, skip = layer.unit(y, queue.popleft(), shift)
            skips.append(skip)
        return self._logits(y, torch.stack(skips))

    @property
    def _layers(self) -> list[DilatedLayer]:
        return cast("list[DilatedLayer]", list(self.layers))

    def _logits(self, last: Tensor, skips: Tensor) -> Tensor:
        """Adds the last signal (..., C) and the skips (L, ..., C) up; two small layers follow."""
        logits: Tensor = self.head(self.mix((last + skips.sum(0)).relu()).relu())
        return logits
