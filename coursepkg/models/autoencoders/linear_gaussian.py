r"""A linear decoder, for which everything is known: the likelihood, and the best encoder.

With z ~ N(0, I) and x | z ~ N(W z + b, σ² I) the posterior is normal with the precision Λ = P / σ²,
P = WᵀW + σ² I, and the mean P⁻¹ Wᵀ (x - b). This is probabilistic PCA.
Tipping and Bishop, *Probabilistic principal component analysis* (1999), section 3.
"""

import math

import torch
from torch import Tensor, nn

from coursepkg.models.autoencoders.likelihoods import Normals
from coursepkg.models.autoencoders.vae import VAE
from coursepkg.validate import ANY, check_one, check_positive, check_real


def linear_vae(W: Tensor, b: Tensor, *, noise: float) -> VAE:
    """The VAE with this linear decoder and the best encoder of its kind.

    Source: :eq:`linear-encoder`. Its q is the posterior itself if the columns of W are orthogonal.

    Args:
        W: weights of the decoder, (D, M).
        b: mean of x, (D,).
        noise: standard deviation σ > 0 of x given z.

    Returns:
        A model whose networks are single linear maps, in the precision of W.

    Raises:
        ValueError: if a shape or a number is impossible.
    """
    check_real(W, event=(ANY,), name="W")
    check_one(b, event=(len(W),), name="b")
    check_positive(noise=noise)
    D, M = W.shape
    encoder, decoder = (nn.utils.skip_init(nn.Linear, *sizes) for sizes in ((D, 2 * M), (M, D)))
    R = _root(W, noise)
    inverse = torch.cholesky_solve(W.double().T, R, upper=True)  # the posterior mean is inverse
    shift = -inverse @ b.double()  # times (x - b)
    log_std = math.log(noise) - R.norm(dim=0).log()  # P_jj is the square of a column's length
    encoder.weight = nn.Parameter(torch.cat([inverse, torch.zeros_like(inverse)]).to(W))
    encoder.bias = nn.Parameter(torch.cat([shift, log_std]).to(W))
    decoder.weight, decoder.bias = nn.Parameter(W.clone()), nn.Parameter(b.clone())
    return VAE(encoder, decoder, likelihood=Normals(D, noise), latent=M)


def diagonal_gap(W: Tensor, *, noise: float) -> float:
    """KL(q ‖ p(z | x)) of `linear_vae`, nats, the same for all x.   Source: :eq:`diagonal-gap`.

    Args:
        W: weights of the decoder, (D, M).
        noise: standard deviation σ > 0 of x given z.
    """
    check_real(W, event=(ANY,), name="W")
    check_positive(noise=noise)
    R = _root(W, noise)
    above = R.triu(1).square().sum(0) / R.diagonal().square()  # P_jj / R_jj² - 1, never below 0
    return float(above.log1p().sum()) / 2


def _root(W: Tensor, noise: float) -> Tensor:
    """R with RᵀR = P, in double precision, (M, M): P itself would square the condition of W."""
    W = W.double()
    R: Tensor = torch.linalg.qr(torch.cat([W, noise * torch.eye(W.shape[1]).to(W)]))[1]
    return R
