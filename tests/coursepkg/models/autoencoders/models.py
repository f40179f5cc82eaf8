"""Small VAEs whose likelihood is known."""

import torch
from torch import Generator, Tensor, nn

from coursepkg.models.autoencoders.likelihoods import Categories
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.nets import MLP

D, K = 3, 3


def small(generator: Generator, *, latent: int = 1, spread: float = 0.3) -> VAE:
    """A VAE of three pixels of three levels, with weights away from zero."""
    encoder = MLP([D, 4, 2 * latent], generator=generator)
    decoder = MLP([latent, 4, D * K], generator=generator)
    model = VAE(encoder, decoder, likelihood=Categories(D, K), latent=latent)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=spread)
    return model


def grid(M: int = 12_001, reach: float = 40.0) -> tuple[Tensor, float]:
    """Points of a line of z, (M, 1), and their distance."""
    z = torch.linspace(-reach, reach, M)[:, None]
    return z, float(z[1, 0] - z[0, 0])


def log_joint(model: VAE, x: Tensor, z: Tensor) -> Tensor:
    """log p(x, z) for each x (B, D) and z (M, 1): a slow loop, (B, M)."""
    log_prior = torch.distributions.Normal(0.0, 1.0).log_prob(z[:, 0])
    rows = []
    for one in x:
        logits = model.decoder(z).view(len(z), D, K).log_softmax(-1)
        log_p = sum(logits[:, d, int(one[d])] for d in range(D))
        rows.append(log_p + log_prior)
    return torch.stack(rows).detach()


def log_evidence(model: VAE, x: Tensor) -> Tensor:
    """log p(x) of a model with one latent variable, by quadrature, (B,)."""
    z, step = grid()
    return (log_joint(model, x, z).exp().sum(1) * step).log()


class Dropping(nn.Module):
    """A network with dropout, which draws."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.dropout = net, nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(self.dropout(x))
