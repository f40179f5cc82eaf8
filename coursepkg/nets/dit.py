"""A transformer that takes noise away: patches are tokens, and each layer is told how noisy.

Peebles and Xie, *Scalable diffusion models with transformers* (2023), whose layers start as the
identity: their gates are told to be zero.
"""

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import layer_norm, scaled_dot_product_attention, silu

from coursepkg.counts import check_counts, check_integer_lists, check_share, check_sizes
from coursepkg.nets.patches import Patches
from coursepkg.nets.unet import NoiseEmbedding
from coursepkg.rng import global_state_from


class ToldLayer(nn.Module):
    """h + g · F((1 + s) · norm(h) + b), F attention and then a perceptron; s, b and g are told.

    It starts as the identity, since g starts at zero. Draws its weights from torch's global state:
    make it inside `global_state_from`.

    Args:
        width: features of a token, divisible by `heads`.
        told: size of what is told.
        heads: number of attention heads.
        dropout: probability that a feature of a branch is dropped.
    """

    def __init__(self, width: int, told: int, *, heads: int, dropout: float) -> None:
        check_counts(width=width, told=told, heads=heads)
        check_share(dropout=dropout)
        super().__init__()
        self.heads, self.dropout = heads, nn.Dropout(dropout)
        self.project, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.told = nn.Linear(told, 6 * width)
        nn.init.zeros_(self.told.weight)
        nn.init.zeros_(self.told.bias)

    def forward(self, h: Tensor, told: Tensor) -> Tensor:
        """Maps tokens (B, P, width) and what is told (B, ·) to tokens."""
        scale, shift, gate = self.told(told)[:, None].unflatten(2, (3, 2, -1)).unbind(2)
        branches: tuple[Callable[[Tensor], Tensor], ...] = (self.attention, self.mlp)
        for k, branch in enumerate(branches):
            inner = (1 + scale[:, :, k]) * layer_norm(h, h.shape[2:]) + shift[:, :, k]
            h = h + gate[:, :, k] * self.dropout(branch(inner))
        return h

    def attention(self, h: Tensor) -> Tensor:
        """Each token asks all, (B, P, width) -> (B, P, width)."""
        q, k, v = self.project(h).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(q, k, v)
        result: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return result


class DiffusionTransformer(nn.Module):
    """Layers of attention among the patches of an image; the output starts at 0.

    It knows where a patch is only by what `place` adds to it.

    Args:
        shape: channels C, height H, width W of the input.
        outputs: numbers a pixel of the result.
        patch: side of a patch; divides both sides.
        width: features of a patch, divisible by `heads`.
        layers: number of layers.
        heads: number of attention heads.
        conditions: size E of a condition, 0 for none.
        dropout: probability that a feature of a branch is dropped.
        generator: draws the initial weights.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(
        self, shape: tuple[int, int, int], outputs: int, *, patch: int, width: int, layers: int,
        heads: int, conditions: int = 0, dropout: float = 0.0, generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(shape=shape)
        check_counts(patch=patch)
        check_sizes(conditions=conditions)
        check_share(dropout=dropout)
        super().__init__()
        check_counts(outputs=outputs, width=width, layers=layers, heads=heads)
        if width % heads:
            raise ValueError(f"heads: expected a divisor of {width}, got {heads}")
        self.patches = Patches(shape, patch)
        channels, height, across = self.patches.shape
        self.told = NoiseEmbedding(width, conditions=conditions, generator=generator)
        with global_state_from(generator):
            self.first = nn.Linear(channels, width)
            self.place = nn.Parameter(0.1 * torch.randn(height * across, width))
            self.layers = nn.ModuleList(
                ToldLayer(width, width, heads=heads, dropout=dropout) for _ in range(layers)
            )
            self.last = nn.Linear(width, outputs * patch**2)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, z: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps z (B, C·H·W), log-SNRs (B,) and conditions (B, E) to (B, H·W·outputs).

        Raises:
            ValueError: if z or the conditions have another size.
        """
        told = silu(self.told(log_snr.to(z), condition))
        h = self.first(self.patches.split(z).flatten(2).transpose(1, 2)) + self.place
        for layer in self.layers:
            h = layer(h, told)
        return self.patches.join(self.last(layer_norm(h, h.shape[2:])))
