"""Linear layers of flows, whose determinants cost nothing: scales, and a matrix by its factors."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_counts, check_generator
from coursepkg.validate import check_real, check_tensor


class ActNorm(nn.Module):
    """z_d = (x_d - shift_d) e^(-log_scale_d): batch normalisation that does not see the batch.

    Kingma and Dhariwal, *Glow* (2018), section 3.1, there one for each channel. `fit` starts it so
    that the data which reach it have mean 0 and variance 1 each; then gradients train it. Before,
    it is the identity.
    Source: :eq:`actnorm`.

    Args:
        dim: number of variables D.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        check_counts(dim=dim)
        self.shift, self.log_scale = nn.Parameter(torch.zeros(dim)), nn.Parameter(torch.zeros(dim))

    @torch.no_grad()
    def fit(self, x: Tensor) -> "ActNorm":
        """Starts at the means and standard deviations of x, (N, D).

        Raises:
            ValueError: if a variable is constant.
        """
        check_real(x, event=tuple(self.shift.shape), like=self)
        mean, variance = x.double().mean(0), x.double().var(0, correction=0)
        if not (variance > 0).all():
            raise ValueError(
                f"x: expected variables that vary, got {int((variance == 0).sum())} constant"
            )
        self.shift.copy_(mean)
        self.log_scale.copy_(variance.log() / 2)
        return self

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and log |det ∂z/∂x| = -Σ_d log_scale_d, (B,), nats."""
        check_real(x, event=tuple(self.shift.shape), like=self)
        return (x - self.shift) * (-self.log_scale).exp(), -self.log_scale.sum().expand(len(x))

    def decode(self, z: Tensor) -> Tensor:
        """(B, D) -> (B, D)."""
        check_real(z, event=tuple(self.shift.shape), name="z", like=self)
        return z * self.log_scale.exp() + self.shift


class LULinear(nn.Module):
    r"""z = W x with W = P L U, so that log |det W| = Σ_c log |U_cc|: a permutation that learns.

    L is lower triangular with ones on the diagonal, U upper triangular, P a fixed permutation. Over
    an image it is Glow's invertible 1×1 convolution, the same W at every place: Kingma and Dhariwal
    (2018), section 3.2 and equation 10. The diagonal is kept as its logarithm and sign, so that
    training cannot make W singular.   Source: :eq:`channel-mixing`.

    Args:
        matrix: where W starts, invertible, (C, C); a rotation, say. C = D for a vector.
        places: how many places share W; a vector is (C · places), channels first.

    Raises:
        TypeError: if W is not of floating point.
        ValueError: if W is not square, not finite, or singular to working precision.
    """

    def __init__(self, matrix: Tensor, *, places: int = 1) -> None:
        super().__init__()
        check_counts(places=places)
        check_tensor(matrix, "matrix")
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"matrix: expected shape (C, C), got {tuple(matrix.shape)}")
        check_real(matrix, name="matrix")
        if not (condition := torch.linalg.cond(matrix).item()) < 1 / torch.finfo(matrix.dtype).eps:
            raise ValueError(f"matrix: expected an invertible one, got condition {condition:.3g}")
        P, L, U = torch.linalg.lu(matrix)
        self.places = places
        self.permutation: Tensor
        self.sign: Tensor
        self.register_buffer("permutation", P)
        self.register_buffer("sign", U.diagonal().sign())
        self.lower, self.upper = nn.Parameter(L.tril(-1)), nn.Parameter(U.triu(1))
        self.log_diagonal = nn.Parameter(U.diagonal().abs().log())

    def factors(self) -> tuple[Tensor, Tensor]:
        """L and U, (C, C) each."""
        eye = torch.eye(len(self.sign)).to(self.lower)
        diagonal = torch.diag(self.sign * self.log_diagonal.exp())
        return self.lower.tril(-1) + eye, self.upper.triu(1) + diagonal

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z (B, D) of x (B, D), and log |det ∂z/∂x| = places · Σ_c log |U_cc|, (B,), nats."""
        check_real(x, event=(len(self.sign) * self.places,), like=self)
        L, U = self.factors()
        z = self.permutation @ L @ U @ x.view(len(x), -1, self.places)
        return z.flatten(1), (self.places * self.log_diagonal.sum()).expand(len(x))

    def decode(self, z: Tensor) -> Tensor:
        """(B, D) -> (B, D), by two triangular systems."""
        check_real(z, event=(len(self.sign) * self.places,), name="z", like=self)
        L, U = self.factors()
        y = self.permutation.T @ z.view(len(z), -1, self.places)
        y = torch.linalg.solve_triangular(L, y, upper=False, unitriangular=True)
        x: Tensor = torch.linalg.solve_triangular(U, y, upper=True)
        return x.flatten(1)


def rotation(size: int, *, generator: Generator) -> Tensor:
    """A random orthogonal matrix, (size, size)."""
    check_generator(generator)
    noise = torch.randn(size, size, generator=generator, device=generator.device)
    orthogonal: Tensor = torch.linalg.qr(noise)[0]
    return orthogonal
