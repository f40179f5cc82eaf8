r"""Autoregressive flows: every variable is moved by a map that those before it choose.

The Jacobian is triangular again, but of one pass for all: x to z is one pass of a causal network,
z to x as many as there are blocks. Papamakarios, Pavlakou and Murray, *Masked autoregressive flow
for density estimation* (2017); with a causal transformer over patches: Zhai et al., *Normalizing
flows are capable generative models* (2025).
"""

import torch
from torch import Tensor, nn

from coursepkg.counts import check_counts, check_integers
from coursepkg.models.flows.elementwise import Monotone
from coursepkg.validate import check_methods, check_real


class AutoregressiveFlow(nn.Module):
    r"""z_d = g_d(x_d; θ_d), where θ_d comes from the blocks before that of d.

    Source: :eq:`autoregressive-flow`.

    `encode` asks the network once, `decode` D / block times, a block each time. (Turned round by
    `Inverse`, draws are cheap and scores dear: Kingma et al., *Inverse autoregressive flow*, 2016.)

    Args:
        net: maps (B, D) to parameters θ, (B, size · D), the D of one parameter after those of the
            other; θ of a block must not depend on that block or a later one.
        monotone: an increasing map g_d, such as `Affine`.
        dim: number of variables D.
        block: how many variables are moved at once; divides D, and is the network's own where it
            says (`net.block`): with another one draws would be wrong.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(self, net: nn.Module, *, monotone: Monotone, dim: int, block: int = 1) -> None:
        check_methods(net, "__call__", name="net")
        check_methods(monotone, "encode", "decode", name="monotone")
        super().__init__()
        check_counts(dim=dim, block=block)
        if dim % block:
            raise ValueError(f"block: expected a divisor of {dim}, got {block}")
        if (own := getattr(net, "block", block)) != block:
            raise ValueError(f"block: expected {own}, as the network has it, got {block}")
        self.net, self.monotone, self.dim, self.block = net, monotone, dim, block

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D) in one pass, and log |det ∂z/∂x|, (B,), nats."""
        check_real(x, event=(self.dim,), like=self)
        z, log_slope = self.monotone.encode(x, self._theta(x))
        return z, log_slope.sum(1)

    def decode(self, z: Tensor) -> Tensor:
        """(B, D) -> (B, D), block after block: θ of a block is right once those before it are."""
        check_real(z, event=(self.dim,), name="z", like=self)
        x = torch.zeros_like(z)
        for start in range(0, self.dim, self.block):
            block = slice(start, start + self.block)
            theta = self._theta(x)[:, :, block]
            x = torch.cat(
                [x[:, :start], self.monotone.decode(z[:, block], theta), x[:, block.stop :]], dim=1
            )
        return x

    def _theta(self, x: Tensor) -> Tensor:
        theta: Tensor = self.net(x)
        expected = (len(x), self.monotone.size * self.dim)
        if theta.shape != expected:
            raise ValueError(f"net: expected parameters {expected}, got {tuple(theta.shape)}")
        return theta.view(len(x), self.monotone.size, self.dim)


def patch_order(shape: tuple[int, int, int], *, patch: int) -> Tensor:
    """The permutation that puts the pixels of each patch × patch square side by side, (C·H·W,).

    Args:
        shape: channels C, height H, width W.
        patch: side of a patch; divides H and W.

    Raises:
        ValueError: if it does not.
    """
    C, H, W = shape
    check_integers(patch=patch)
    if patch < 1 or H % patch or W % patch:
        raise ValueError(f"patch: expected a divisor of {H} and {W}, got {patch}")
    places = torch.arange(C * H * W).view(C, H // patch, patch, W // patch, patch)
    return places.permute(1, 3, 0, 2, 4).flatten()
