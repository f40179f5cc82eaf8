"""Coupling layers: some variables pass unchanged and say how the others are moved."""

import torch
from torch import Tensor, nn

from coursepkg.models.flows.elementwise import Monotone
from coursepkg.validate import check_real


class Coupling(nn.Module):
    r"""z = x where the mask is True; elsewhere an increasing map of x_d with θ_d = net(mask · x)_d.

    With the variables that pass sorted first, the Jacobian is triangular, whatever the network is:
    its determinant is the product of the slopes of the maps, and the inverse asks the network the
    same question, since what it sees has passed unchanged. Dinh, Sohl-Dickstein and Bengio (2017),
    equations 4 to 9.   Source: :eq:`coupling`, :eq:`coupling-determinant`.

    Args:
        net: maps (B, D) to the parameters θ, (B, size · D), the D of one parameter after those of
            the other; with images these are `size` blocks of channels.
        mask: True where x passes, (D,) bool.
        monotone: an increasing map, such as `Affine` or `RationalQuadraticSpline`.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: if the mask passes everything or nothing.
    """

    def __init__(self, net: nn.Module, mask: Tensor, *, monotone: Monotone) -> None:
        super().__init__()
        if mask.dtype != torch.bool:
            raise TypeError(f"mask: expected a bool tensor, got dtype {mask.dtype}")
        if mask.ndim != 1 or mask.all() or not mask.any():
            raise ValueError(
                "mask: expected shape (D,) with some variables that pass and some that do not, got "
                f"shape {tuple(mask.shape)} with {int(mask.sum())} that pass"
            )
        self.net, self.monotone = net, monotone
        self.mask: Tensor
        self.moved: Tensor
        self.register_buffer("mask", mask.clone(), persistent=False)
        self.register_buffer("moved", (~mask).nonzero().flatten(), persistent=False)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and log |det ∂z/∂x|, the sum of the log-slopes, (B,), nats."""
        check_real(x, event=tuple(self.mask.shape))
        z, log_slope = self.monotone.encode(x[:, self.moved], self._theta(x))
        return x.index_copy(1, self.moved, z), log_slope.sum(1)

    def decode(self, z: Tensor) -> Tensor:
        """(B, D) -> (B, D)."""
        check_real(z, event=tuple(self.mask.shape), name="z")
        x = self.monotone.decode(z[:, self.moved], self._theta(z))
        return z.index_copy(1, self.moved, x)

    def _theta(self, x: Tensor) -> Tensor:
        """θ of the variables that are moved, (B, size, M), from those that pass."""
        theta: Tensor = self.net(x * self.mask)
        expected = (len(x), self.monotone.size * len(self.mask))
        if theta.shape != expected:
            raise ValueError(f"net: expected parameters {expected}, got {tuple(theta.shape)}")
        return theta.view(len(x), self.monotone.size, len(self.mask))[:, :, self.moved]


def checkerboard(shape: tuple[int, int, int], *, parity: int) -> Tensor:
    """Every other pixel: True where row + column + parity is even, (C·H·W,) bool.

    Args:
        shape: channels C, height H, width W.
        parity: even or odd; neighbours in a chain take turns.
    """
    C, H, W = shape
    places = torch.arange(H)[:, None] + torch.arange(W) + parity
    return (places % 2 == 0).expand(C, H, W).flatten()


def half(dim: int, *, parity: int) -> Tensor:
    """The first half of the variables or channels if parity is even, else the second; (dim,)."""
    return (torch.arange(dim) < dim // 2) ^ bool(parity % 2)
