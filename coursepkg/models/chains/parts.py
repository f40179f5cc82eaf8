"""Pieces to plug together: codes of about unit size, and a classifier that has a gradient."""

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from coursepkg.validate import check_levels, check_positive, check_real


@torch.no_grad()
def standard_codes(
    encoder: nn.Module, decoder: nn.Module, x: Tensor
) -> tuple[nn.Module, nn.Module]:
    """The same autoencoder with codes of mean 0 and covariance I over x.

    A linear map A (h - μ) is put behind the encoder and its inverse before the decoder, so that the
    images of an image do not change. Both are frozen.

    Args:
        encoder: maps examples (N, D) to codes (N, M).
        decoder: maps codes to examples.
        x: the examples to standardise over, (N, D), N > M.

    Returns:
        The new encoder and decoder, in eval mode, without gradients in their weights.

    Raises:
        ValueError: if the codes of x do not vary in all M directions.
    """
    check_real(x)
    h: Tensor = encoder.eval()(x)
    mean = h.mean(0)
    variances, axes = torch.linalg.eigh((h - mean).T @ (h - mean) / len(h))
    if variances[0] <= 1e-6 * variances[-1]:
        raise ValueError(
            "x: expected codes that vary in all directions, got variances from "
            f"{variances[0].item():.3g} to {variances[-1].item():.3g}"
        )
    there = _linear(axes.T / variances.sqrt()[:, None], -(mean @ axes) / variances.sqrt())
    back = _linear(axes * variances.sqrt(), mean)
    parts = nn.Sequential(encoder, there), nn.Sequential(back, decoder)
    for part in parts:
        part.eval().requires_grad_(False)
    return parts


def logistic_classifier(x: Tensor, y: Tensor, *, strength: float = 1.0) -> nn.Linear:
    """Logits of p(y | x) by scikit-learn's logistic regression, as a layer with a gradient in x.

    Args:
        x: examples, (N, D).
        y: labels 0..K-1, all of them present, (N,).
        strength: λ > 0 of the penalty ½ λ ‖W‖² on the weights, beside the sum of the losses.

    Raises:
        ValueError: if shapes do not fit, or a label does not occur.
    """
    check_positive(strength=strength)
    check_real(x)
    check_levels(y, event=(), levels=int(y.max()) + 1)
    if len(y) != len(x) or len(y.unique()) != int(y.max()) + 1 or y.max() < 2:
        raise ValueError(
            f"y: expected {len(x)} labels of at least 3 classes 0, 1, ..., each of them present, "
            f"got {len(y)} with the values {y.unique().tolist()}"
        )
    model = LogisticRegression(C=1 / strength, max_iter=2000).fit(x.cpu().numpy(), y.cpu().numpy())
    return _linear(*(torch.as_tensor(part).to(x) for part in (model.coef_, model.intercept_)))


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A layer with given weights, frozen; nothing is drawn."""
    layer: nn.Linear = nn.utils.skip_init(
        nn.Linear, weight.shape[1], weight.shape[0], dtype=weight.dtype, device=weight.device
    )
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer.requires_grad_(False)
