"""Coupling layers: some variables pass unchanged and say how the others are moved."""

import torch
from torch import Tensor, nn

from coursepkg.counts import check_counts, check_integer_lists, check_integers
from coursepkg.models.flows.elementwise import Monotone
from coursepkg.validate import check_methods, check_real, check_tensor


class Coupling(nn.Module):
    r"""z = x where the mask is True; elsewhere an increasing map of x_d, with θ = net(what passes).

    With the variables that pass sorted first, the Jacobian is triangular, whatever the network is:
    its determinant is the product of the slopes of the maps, and the inverse asks the network the
    same question, since what it sees has passed unchanged. Dinh, Sohl-Dickstein and Bengio (2017),
    equations 4 to 9.   Source: :eq:`coupling`, :eq:`coupling-determinant`.

    Args:
        net: maps the P variables that pass, (B, P), to the parameters θ of the M others,
            (B, size · M), the M of one parameter after those of the other: for images split by
            channels these are `size` blocks of channels. `OnGrid` makes one of a network of images.
        mask: True where x passes, (D,) bool.
        monotone: an increasing map, such as `Affine` or `RationalQuadraticSpline`.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: if the mask passes everything or nothing.
    """

    def __init__(self, net: nn.Module, mask: Tensor, *, monotone: Monotone) -> None:
        check_methods(net, "__call__", name="net")
        check_methods(monotone, "encode", "decode", name="monotone")
        super().__init__()
        _check_mask(mask)
        self.net, self.monotone = net, monotone
        self.dim, self.moving = len(mask), int((~mask).sum())
        self.passing, self.moved = _places(mask), _places(~mask)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and log |det ∂z/∂x|, the sum of the log-slopes, (B,), nats."""
        check_real(x, event=(self.dim,), like=self)
        moved, log_slope = self.monotone.encode(x[:, self.moved], self._theta(x))
        z = x.clone()
        z[:, self.moved] = moved
        return z, log_slope.sum(1)

    def decode(self, z: Tensor) -> Tensor:
        """(B, D) -> (B, D)."""
        check_real(z, event=(self.dim,), name="z", like=self)
        moved = self.monotone.decode(z[:, self.moved], self._theta(z))
        x = z.clone()
        x[:, self.moved] = moved
        return x

    def _theta(self, x: Tensor) -> Tensor:
        """θ of the variables that are moved, (B, size, M), from those that pass."""
        theta: Tensor = self.net(x[:, self.passing])
        expected = (len(x), self.monotone.size * self.moving)
        if theta.shape != expected:
            raise ValueError(f"net: expected parameters {expected}, got {tuple(theta.shape)}")
        return theta.view(len(x), self.monotone.size, self.moving)


class OnGrid(nn.Module):
    """Lets a network of whole images serve a coupling whose mask is a checkerboard.

    What passes returns to its places on the grid, with 0 between, and of the network's outputs
    those at the other places are kept: P variables to size · M.

    Args:
        net: maps (B, D) to `size` blocks of D, (B, size · D), as `ResidualCNN` does.
        mask: the coupling's, (D,) bool.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: if the mask passes everything or nothing.
    """

    def __init__(self, net: nn.Module, mask: Tensor) -> None:
        check_methods(net, "__call__", name="net")
        super().__init__()
        _check_mask(mask)
        self.net, self.dim = net, len(mask)
        self.passing, self.moved = _places(mask), _places(~mask)

    def forward(self, x: Tensor) -> Tensor:
        """(B, P) -> (B, size · M)."""
        grid = x.new_zeros(len(x), self.dim)
        grid[:, self.passing] = x
        theta: Tensor = self.net(grid)
        if theta.ndim != 2 or theta.shape[1] % self.dim:
            raise ValueError(
                f"net: expected blocks of {self.dim} parameters, got {tuple(theta.shape)}"
            )
        return theta.view(len(x), -1, self.dim)[:, :, self.moved].flatten(1)


def checkerboard(shape: tuple[int, int, int], *, parity: int) -> Tensor:
    """Every other pixel: True where row + column + parity is even, (C·H·W,) bool.

    Args:
        shape: channels C, height H, width W.
        parity: even or odd; neighbours in a chain take turns.
    """
    check_integer_lists(shape=shape)
    check_integers(parity=parity)
    C, H, W = shape
    places = torch.arange(H)[:, None] + torch.arange(W) + parity
    return (places % 2 == 0).expand(C, H, W).flatten()


def half(dim: int, *, parity: int) -> Tensor:
    """The first half of the variables or channels if parity is even, else the second; (dim,)."""
    check_counts(dim=dim)
    check_integers(parity=parity)
    return (torch.arange(dim) < dim // 2) ^ bool(parity % 2)


def _check_mask(mask: Tensor) -> None:
    check_tensor(mask, "mask")
    if mask.dtype != torch.bool:
        raise TypeError(f"mask: expected a bool tensor, got dtype {mask.dtype}")
    if mask.ndim != 1 or mask.all() or not mask.any():
        raise ValueError(
            "mask: expected shape (D,) with some variables that pass and some that do not, got "
            f"shape {tuple(mask.shape)} with {int(mask.sum())} that pass"
        )


def _places(mask: Tensor) -> Tensor | slice:
    """Where the mask is True, as an index; of one run a slice, by which nothing is copied."""
    places = mask.nonzero().flatten()
    run = slice(int(places[0]), int(places[-1]) + 1)
    return run if mask[run].all() else nn.Buffer(places, persistent=False)
