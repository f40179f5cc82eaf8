import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from coursepkg.models.chains import logistic_classifier, standard_codes
from coursepkg.nets import MLP
from coursepkg.rng import seeded

D, M, N = 5, 3, 200


def autoencoder():
    return MLP([D, 8, M], generator=seeded(0)), MLP([M, 8, D], generator=seeded(1))


def examples():
    return torch.randn(N, D, generator=seeded(2)) * torch.arange(1, D + 1) + 3


def test_codes_have_mean_0_and_covariance_i():
    """Kills: axes not turned, variances for deviations, a mean that is left in."""
    encoder, _ = standard_codes(*autoencoder(), examples())
    h = encoder(examples())
    torch.testing.assert_close(h.mean(0), torch.zeros(M), atol=1e-9, rtol=0)
    torch.testing.assert_close(h.T @ h / N, torch.eye(M), atol=1e-9, rtol=1e-9)
    assert not torch.allclose(autoencoder()[0](examples()).var(0), torch.ones(M), rtol=0.1)


def test_the_image_of_an_image_does_not_change():
    """Kills: the way back that does not undo the way there."""
    plain = autoencoder()
    encoder, decoder = standard_codes(*autoencoder(), examples())
    fresh = torch.randn(7, D, generator=seeded(3))
    torch.testing.assert_close(decoder(encoder(fresh)), plain[1](plain[0](fresh)).detach())
    assert not any(p.requires_grad for part in (encoder, decoder) for p in part.parameters())
    assert not (encoder.training)
    assert not (decoder.training)


def test_a_classifier_is_scikit_learns():
    """Number for number. Kills: C for 1/C, weights transposed, no intercept."""
    x, y = examples(), torch.arange(N) % 3
    x[y == 1] += 2
    for strength in (0.1, 10.0):
        layer = logistic_classifier(x, y, strength=strength)
        peer = LogisticRegression(C=1 / strength, max_iter=2000).fit(x.numpy(), y.numpy())
        np.testing.assert_allclose(layer(x).softmax(1).numpy(), peer.predict_proba(x.numpy()))
    assert not layer.weight.requires_grad
    assert (layer(x).argmax(1) == y).double().mean() > 0.5


def test_bad_input_is_refused():
    x, y = examples(), torch.arange(N) % 3
    with pytest.raises(ValueError, match=r"expected codes that vary.*got"):
        standard_codes(nn.Sequential(MLP([D, 1], generator=seeded(0)), Twice()), nn.Identity(), x)
    for bad_x, bad_y, strength in (
        (x, y[:-1], 1.0), (x, y * 2, 1.0), (x, y - 1, 1.0), (x, y.double(), 1.0), (x, y, 0.0),
        (x, y % 2, 1.0), (x * torch.nan, y, 1.0), (x.long(), y, 1.0),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError), match=r"expected.*got"):
            logistic_classifier(bad_x, bad_y, strength=strength)


class Twice(nn.Module):
    def forward(self, h):
        return torch.cat([h, h], 1)
