"""Labels as latent variables: against quadrature over z and a sum over the labels."""

import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.autoencoders.semisupervised import ABSENT, M2, SemiSupervised
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded
from tests.coursepkg.models.autoencoders.given import C, D, conditional, truth
from tests.oracles import states
from tests.statistics import assert_mean

X = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 1], [1, 0, 0, 2]])


def m2() -> M2:
    generator = seeded(5)
    classifier = MLP([D, 6, C], generator=generator)
    with torch.no_grad():
        for p in classifier.parameters():
            p.add_(0.5 * torch.randn(p.shape, generator=generator))
    return M2(conditional(), classifier).eval()


def log_joint(model: M2, x):
    """log p(x, y) of each label, (B, C), by quadrature."""
    rows = [truth(model.model, x, torch.eye(C)[y].expand(len(x), -1)) for y in range(C)]
    return torch.stack(rows, 1) - math.log(C)


def test_the_law_sums_to_one():
    log_p = log_joint(m2(), states(3, D)).logsumexp(1)
    assert_close(log_p.exp().sum(), torch.tensor(1.0), rtol=1e-6, atol=0)


def test_the_bound_falls_short_by_both_divergences():
    """log p(x) - elbo = KL of the label + mean KL of z.

    Kills: the entropy of q(y | x) forgotten or doubled, p(y) forgotten, labels in another order.
    """
    model, n = m2(), 20_000
    for x in X:
        joint, log_q = log_joint(model, x[None])[0], model.log_label(x[None])[0].detach()
        each = [model.joint(x.expand(n, -1), torch.full((n,), y), generator=seeded(y)).detach()
                for y in range(C)]  # fmt: skip
        expected = sum(q.exp() * (j.mean() - q) for q, j in zip(log_q, each, strict=True))
        found = model.elbo(x.expand(n, -1), generator=seeded(9)).detach()
        assert_mean(found, expected.item(), detects=0.1)
        assert found.mean() < joint.logsumexp(0)
        for y in range(C):
            assert each[y].mean() < joint[y] + 0.02
        assert joint.std() > 0.1, "vacuous: labels do not matter"


def test_the_mean_weight_is_p_of_x():
    """Kills: a mean of logarithms over labels, one label for the whole batch."""
    model, n = m2(), 40_000
    for x in X:
        log_w = model.log_weight(x.expand(n, -1), generator=seeded(1)).detach()
        assert_mean((log_w - log_joint(model, x[None]).logsumexp(1)).exp(), 1.0, detects=0.1)


def test_rows_keep_their_images():
    """The decoder is deaf to z, so that nothing is drawn. Kills: a view in place of a transpose."""
    model = m2()
    with torch.no_grad():
        model.model.decoder.layers[0].weight[:, 0] = 0  # z
    together = model.elbo(X, generator=seeded(0))
    for n in range(3):
        assert_close(together[n], model.elbo(X[n, None], generator=seeded(0))[0])


def test_the_loss_asks_the_classifier_about_what_is_seen():
    """Kills: a label used where none is, α on all images, a sign, rows mixed up."""
    model = m2()
    with torch.no_grad():
        model.model.decoder.layers[0].weight[:, 0] = 0
    y = torch.tensor([2, ABSENT, 0])
    loss = SemiSupervised(model, weight=7.0).loss(X, condition=y, generator=seeded(0))
    log_q = model.log_label(X)
    joint = model.joint(X[[0, 2]], y[[0, 2]], generator=seeded(1))
    assert_close(loss[[0, 2]], -joint - 7.0 * log_q[[0, 2], y[[0, 2]]])
    assert_close(loss[1], -model.elbo(X[1, None], generator=seeded(2))[0])
    loss.sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    none = SemiSupervised(model, weight=7.0).loss(X, condition=y.fill_(-1), generator=seeded(0))
    assert_close(none, -model.elbo(X, generator=seeded(0)))


def test_all_labels_seen_is_a_conditional_vae_and_a_classifier():
    model, y = m2(), torch.tensor([0, 1, 2])
    loss = SemiSupervised(model, weight=1.0).loss(X, condition=y, generator=seeded(0))
    assert loss.shape == (3,)
    assert loss.isfinite().all()


@pytest.mark.parametrize(
    ("labels", "error", "complaint"),
    [
        (
            torch.tensor([0, 1, 3]),
            ValueError,
            "labels: expected labels 0..2.* got values from 0 to 3",
        ),
        (torch.tensor([0, -2, 1]), ValueError, "labels: expected.* got values from -2 to 1"),
        (torch.tensor([0, 1]), ValueError, r"expected shape \(3,\), one an image, got \(2,\)"),
        (torch.eye(3).long(), ValueError, r"expected shape \(3,\), one an image, got \(3, 3\)"),
        (torch.tensor([0.0, 1.0, 2.0]), TypeError, "labels: expected int64 .* got torch.float64"),
        ([0, 1, 2], TypeError, "labels: expected int64 .* got list"),
    ],
)
def test_labels_out_of_range_are_refused(labels, error, complaint):
    """By both. Kills: one_hot's own message, a label that counts from the end."""
    with pytest.raises(error, match=complaint):
        SemiSupervised(m2(), weight=1.0).loss(X, condition=labels, generator=seeded(0))
    with pytest.raises(error, match=complaint):
        m2().joint(X, labels, generator=seeded(0))


def test_only_the_loss_knows_labels_that_are_absent():
    with pytest.raises(ValueError, match=r"labels: expected labels 0..2, got values from -1 to 1"):
        m2().joint(X, torch.tensor([0, -1, 1]), generator=seeded(0))
    with pytest.raises(ValueError, match="weight: expected a finite number > 0, got 0"):
        SemiSupervised(m2(), weight=0.0)
