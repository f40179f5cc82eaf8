"""Networks of symbols, some of them hidden or scrambled: what diffusion of symbols asks."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_integer_lists, check_share, check_sizes
from coursepkg.nets.head import LevelHead
from coursepkg.nets.levels import LevelEmbedding
from coursepkg.nets.residual import ResidualMLP
from coursepkg.nets.unet import UNet


class SymbolUNet(nn.Module):
    """A `UNet` of embedded symbols, read as curves over the levels; it starts at its head's bias.

    Args:
        shape: height H and width W of the image, even.
        levels: number of levels K; symbols are 0..K, and K is the mask.
        embedding: channels of an embedded symbol.
        channels: numbers a pixel that the head reads.
        hidden: channels of the features.
        conditions: size E of a condition, 0 for none.
        dropout: probability that a feature of a branch is dropped.
        generator: draws the initial weights.
    """

    def __init__(
        self, shape: tuple[int, int], *, levels: int, embedding: int, channels: int, hidden: int,
        conditions: int = 0, dropout: float = 0.0, generator: Generator,
    ) -> None:  # fmt: skip
        check_integer_lists(shape=shape)
        check_counts(levels=levels, embedding=embedding, channels=channels, hidden=hidden)
        check_sizes(conditions=conditions)
        check_share(dropout=dropout)
        super().__init__()
        (H, W), self.levels = shape, levels
        self.embed = LevelEmbedding(levels + 1, embedding, generator=generator)
        with torch.no_grad():
            self.embed.weight[:-1, 0] = torch.linspace(-1, 1, levels)
            self.embed.weight[-1] = 0  # the mask is no level
        self.net = UNet(
            (embedding + 1, H, W), channels, hidden=hidden, conditions=conditions, dropout=dropout,
            generator=generator,
        )  # fmt: skip
        self.head = LevelHead(dim=H * W, levels=levels, channels=channels)

    def forward(self, z: Tensor, log_odds: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps symbols (B, D), log-odds (B,) and conditions (B, E) to logits (B, D K)."""
        h = torch.cat([self.embed(z), (z == self.levels)[..., None]], dim=-1)
        logits: Tensor = self.head(self.net(h.mT.flatten(1), log_odds.to(h), condition))
        return logits


class SymbolMLP(nn.Module):
    """A `ResidualMLP` of one-hot symbols; it starts at equal logits.

    Args:
        dim: number of variables D.
        levels: number of levels K; symbols are 0..K, and K is the mask.
        hidden: width of the features.
        blocks: number of residual blocks.
        generator: draws the initial weights.
    """

    def __init__(
        self, dim: int, *, levels: int, hidden: int, blocks: int, generator: Generator
    ) -> None:
        check_counts(dim=dim, levels=levels, hidden=hidden, blocks=blocks)
        super().__init__()
        self.levels = levels
        self.net = ResidualMLP(
            dim * (levels + 1), dim * levels, hidden=hidden, blocks=blocks, generator=generator
        )

    def forward(self, z: Tensor, log_odds: Tensor) -> Tensor:
        """Maps symbols (B, D) to logits (B, D K); it sees itself how much is hidden."""
        one_hot = z[..., None] == torch.arange(self.levels + 1, device=z.device)
        logits: Tensor = self.net(one_hot.flatten(1).to(self.net.first.weight))
        return logits
