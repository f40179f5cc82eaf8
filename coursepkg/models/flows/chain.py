"""What flows are put together from: a base law, transforms in a row, and rearrangement.

A `Transform` maps vectors of one size, x (B, D), to z (B, D). There is one sign convention:
`encode` returns log |det ∂z/∂x|, which is *added* to the base's log-density of z; `decode` returns
x only.
Images are vectors too, channels first: (C, H, W) is D = C·H·W, raster after raster.
"""

import copy
import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_draws, check_integers
from coursepkg.protocols import Fittable, Transform
from coursepkg.validate import check_methods, check_order, check_positive, check_real, count_rows


class StandardNormal(nn.Module):
    """N(0, τ² I) on ℝ^D: with τ = 1 the base that flows are trained with.

    Says: `log_prob`, exact (=). A flow over the base of another temperature τ is another law, whose
    draws lie closer to (τ < 1) or farther from (τ > 1) what z = 0 decodes to.
    Source: :eq:`flow-temperature`.

    Args:
        dim: dimension D.
        temperature: standard deviation τ > 0.

    Raises:
        ValueError: if a number is impossible.
    """

    def __init__(self, dim: int, *, temperature: float = 1.0) -> None:
        super().__init__()
        check_counts(dim=dim)
        check_positive(temperature=temperature)
        self.dim, self.temperature = dim, temperature
        self.scale: Tensor  # no weight: it only says in which precision, and where, to draw
        self.register_buffer("scale", torch.tensor(float(temperature)), persistent=False)
        check_positive(temperature=self.scale.item())  # in single precision, too

    def log_prob(self, z: Tensor) -> Tensor:
        """log N(z; 0, τ² I), (B, D) -> (B,), nats."""
        check_real(z, event=(self.dim,), name="z")
        log_normaliser = self.dim * (math.log(self.temperature) + math.log(2 * math.pi) / 2)
        return -(z / self.temperature).square().sum(1) / 2 - log_normaliser

    def sample(self, n: int, *, generator: Generator) -> Tensor:
        """Draws (n, D)."""
        check_draws(n, generator)
        return self.temperature * self.scale.new_empty(n, self.dim).normal_(generator=generator)


class Chain(nn.Module):
    """Transforms one after the other; log-determinants add, since determinants multiply.

    Source: :eq:`flow-log-likelihood`.

    Args:
        transforms: from x to z, at least one; modules with `encode` and `decode`.

    Raises:
        TypeError: if one of them is no `Transform`.
        ValueError: if there is none.
    """

    def __init__(self, transforms: Sequence[nn.Module]) -> None:
        super().__init__()
        if not transforms:
            raise ValueError("transforms: expected at least one, got none")
        for layer in transforms:
            if not isinstance(layer, Transform):
                raise TypeError(
                    f"transforms: expected encode and decode, got a {type(layer).__name__}"
                )
        self.layers = nn.ModuleList(transforms)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and log |det ∂z/∂x|, (B,), nats."""
        log_dets = []
        for layer in self._transforms():
            x, log_det = layer.encode(x)
            log_dets.append(log_det)
        return x, torch.stack(log_dets).sum(0)

    def decode(self, z: Tensor) -> Tensor:
        """x of z, (B, D) -> (B, D): the inverses in reverse order."""
        for layer in reversed(self._transforms()):
            z = layer.decode(z)
        return z

    def _transforms(self) -> list[Transform]:
        return list(self.layers)  # type: ignore[arg-type]  # checked when they came

    @torch.no_grad()
    def fit(self, x: Tensor) -> "Chain":
        """Fits each layer that can be fitted (`ActNorm`, say) to what reaches it of x, (N, D)."""
        layers = copy.deepcopy(self.layers).eval()  # dropout would draw, and start them elsewhere
        for layer in layers:
            if isinstance(layer, Fittable):
                layer.fit(x)
            x, _ = layer.encode(x)  # type: ignore[operator]
        self.layers.load_state_dict(layers.state_dict())  # in place: an optimizer may know them
        return self


class Inverse(nn.Module):
    """A transform the other way round: what encoded decodes.

    Args:
        transform: is run backwards.
    """

    def __init__(self, transform: Transform) -> None:
        check_methods(transform, "encode", "decode", name="transform")
        super().__init__()
        self.transform = transform

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D), and log |det ∂z/∂x|, (B,), nats: minus that of the way back."""
        z = self.transform.decode(x)
        return z, -self.transform.encode(z)[1]

    def decode(self, z: Tensor) -> Tensor:
        """(B, D) -> (B, D)."""
        return self.transform.encode(z)[0]


class Permutation(nn.Module):
    """z_i = x_order[i]; the volume does not change.

    Args:
        order: a permutation of 0..D-1, (D,) int64.

    Raises:
        TypeError: if the order is not int64.
        ValueError: if it is no permutation.
    """

    def __init__(self, order: Tensor) -> None:
        super().__init__()
        check_order(order, dim=count_rows(order, name="order"))
        self.order: Tensor
        self.register_buffer("order", order.clone())

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and zeros (B,)."""
        check_real(x, event=(len(self.order),), like=self)
        return x[:, self.order], x.new_zeros(len(x))

    def decode(self, z: Tensor) -> Tensor:
        """(B, D) -> (B, D)."""
        check_real(z, event=(len(self.order),), name="z", like=self)
        return z[:, self.order.argsort()]


class FactorOut(nn.Module):
    """Multi-scale: only the first variables go on through a transform; the rest is z already.

    Dinh, Sohl-Dickstein and Bengio (2017), section 3.6. What leaves early is modelled as it is, and
    pays for no further layer. It has `fit` if the transform has.

    Args:
        transform: acts on vectors of `kept` variables.
        kept: how many go on, 0 < kept < D.
        dim: number of variables D.

    Raises:
        ValueError: if nothing or everything would go on.
    """

    def __init__(self, transform: Transform, *, kept: int, dim: int) -> None:
        check_methods(transform, "encode", "decode", name="transform")
        check_integers(kept=kept, dim=dim)
        super().__init__()
        if not 0 < kept < dim:
            raise ValueError(f"kept: expected 0 < kept < {dim}, got {kept}")
        self.transform, self.kept, self.dim = transform, kept, dim
        if isinstance(transform, Fittable):
            self.fit = self._fit

    def _fit(self, x: Tensor) -> "FactorOut":
        """Fits the transform to what goes on of x, (N, D)."""
        check_real(x, event=(self.dim,), like=self)
        self.transform.fit(x[:, : self.kept])  # type: ignore[attr-defined]  # it was asked for
        return self

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and log |det ∂z/∂x|, (B,), nats."""
        check_real(x, event=(self.dim,), like=self)
        z, log_det = self.transform.encode(x[:, : self.kept])
        return torch.cat([z, x[:, self.kept :]], dim=1), log_det

    def decode(self, z: Tensor) -> Tensor:
        """(B, D) -> (B, D)."""
        check_real(z, event=(self.dim,), name="z", like=self)
        return torch.cat([self.transform.decode(z[:, : self.kept]), z[:, self.kept :]], dim=1)


def squeeze_order(shape: tuple[int, int, int]) -> Tensor:
    """The permutation that trades space for channels: (C, H, W) becomes (4 C, H/2, W/2).

    Each 2×2 block of a channel becomes one place of four channels, next to one another.

    Args:
        shape: channels C, even height H and even width W.

    Returns:
        The order for a `Permutation`, (C·H·W,) int64.

    Raises:
        ValueError: if a side is odd.
    """
    C, H, W = shape
    if H % 2 or W % 2:
        raise ValueError(f"shape: expected an even height and width, got {H} and {W}")
    places = torch.arange(C * H * W).view(C, H // 2, 2, W // 2, 2)
    return places.permute(0, 2, 4, 1, 3).flatten()
