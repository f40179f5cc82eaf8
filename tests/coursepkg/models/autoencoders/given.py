"""A conditional VAE small enough for sums over all images and quadrature over z."""

import torch
from torch import Tensor

from coursepkg.models.autoencoders.conditional import ConditionalVAE
from coursepkg.models.autoencoders.likelihoods import Categories
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded

K, D, C = 3, 4, 3


def conditional(*, free: float = 0.0, likelihood=None, output: int = D * K) -> ConditionalVAE:
    """One latent variable, random networks."""
    generator = seeded(0)
    encoder = MLP([D + C, 8, 2], generator=generator)
    decoder = MLP([1 + C, 8, output], generator=generator)
    likelihood = likelihood or Categories(D, K)
    model = ConditionalVAE(
        encoder, decoder, likelihood=likelihood, latent=1, conditions=C, free=free
    )
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.6 * torch.randn(p.shape, generator=generator))
        encoder.layers[-1].weight.mul_(0.3)
        encoder.layers[-1].bias.copy_(torch.tensor([0.2, -0.1]))  # weights with a variance
    return model.eval()


def truth(model: ConditionalVAE, x: Tensor, condition: Tensor) -> Tensor:
    """log p(x | c) by the trapezoidal rule over z, (B,)."""
    z = torch.linspace(-9, 9, 3001)
    log_p = []
    for image, c in zip(x, condition, strict=True):
        told = torch.cat([z[:, None], c.expand(len(z), -1)], dim=1)
        given = model.likelihood.log_likelihood(image.expand(len(z), -1), model.decoder(told))
        prior = torch.distributions.Normal(0.0, 1.0).log_prob(z)
        log_p.append((given + prior).logsumexp(0) + (z[1] - z[0]).log())
    return torch.stack(log_p).detach()
