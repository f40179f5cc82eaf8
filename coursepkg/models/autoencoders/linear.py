"""An autoencoder without a bend in it: two matrices, trained by gradients."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.counts import check_generator, check_integers
from coursepkg.models.autoencoders.pca import check_components
from coursepkg.validate import check_one, check_real, check_tensor


class LinearAutoencoder(nn.Module):
    r"""x̂ = μ + G W (x - μ): W encodes D numbers as M, and G decodes them.

    Its loss is a squared error and no likelihood. At its minimum the columns of G span the
    principal subspace: Baldi and Hornik, *Neural networks and principal component analysis* (1989).
    G and W themselves are not determined: G A and A⁻¹ W have the same loss.
    Source: :eq:`linear-autoencoder`.

    Args:
        components: dimension M of the code, at most D.
        mean: what is subtracted, μ, (D,): the mean of the data. It is not trained.
        generator: draws W and G, normal with variance 1/D.

    Raises:
        ValueError: if a number is impossible, or the mean is no vector.
    """

    def __init__(self, components: int, *, mean: Tensor, generator: Generator) -> None:
        check_integers(components=components)
        check_generator(generator)
        super().__init__()
        check_tensor(mean, "mean")
        if mean.ndim != 1:
            raise ValueError(f"mean: expected shape (D,), got {tuple(mean.shape)}")
        dim = len(mean)
        check_one(mean, event=(dim,), name="mean")
        check_components(components, most=dim)
        self.components, self.dim = components, dim
        W = torch.randn(components, dim, generator=generator, device=generator.device)
        G = torch.randn(dim, components, generator=generator, device=generator.device)
        self.W, self.G = nn.Parameter(W.to(mean) / dim**0.5), nn.Parameter(G.to(mean) / dim**0.5)
        self.mean: Tensor
        self.register_buffer("mean", mean.clone())

    def code(self, x: Tensor) -> Tensor:
        """z = W (x - μ), (B, D) -> (B, M)."""
        check_real(x, event=(self.dim,), like=self)
        return (x - self.mean) @ self.W.T

    def decode(self, z: Tensor) -> Tensor:
        """μ + G z, (B, M) -> (B, D)."""
        check_real(z, event=(self.components,), name="z", like=self)
        return z @ self.G.T + self.mean

    def reconstruct(self, x: Tensor) -> Tensor:
        """x̂, (B, D) -> (B, D)."""
        return self.decode(self.code(x))

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """‖x - x̂‖², (B, D) -> (B,), in units of x²; nothing is drawn from `generator`."""
        return (x - self.reconstruct(x)).square().sum(1)
