"""Muon: against the singular value decomposition, a slow loop, and torch's own."""

import pytest
import torch
from torch import nn

from benchmarks.muon import QUINTIC, Muon, orthogonalised
from coursepkg.rng import seeded

SHAPES = [(8, 20), (20, 8), (12, 12), (1, 5)]


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_vectors_stay_and_values_pass_through_the_polynomial(shape):
    """Kills: a coefficient, the transpose forgotten, four rounds, no norm."""
    x = torch.randn(shape, generator=seeded(0), dtype=torch.float64)
    u, s, v = torch.linalg.svd(x, full_matrices=False)
    s = s / x.norm()
    a, b, c = QUINTIC
    for _ in range(5):
        s = a * s + b * s**3 + c * s**5
    torch.testing.assert_close(orthogonalised(x), u * s @ v)


@pytest.mark.parametrize("shape", SHAPES)
def test_steps_are_nearly_of_equal_size_in_all_directions(shape):
    """Of singular values of one hundredth of the norm or more. Kills: a power series of another."""
    s = torch.linspace(0.02, 1, min(shape), dtype=torch.float64)
    left, right = (
        torch.linalg.qr(torch.randn(n, n, generator=seeded(n), dtype=torch.float64))[0]
        for n in shape
    )
    x = left[:, : len(s)] * s @ right[: len(s)]
    found = torch.linalg.svdvals(orthogonalised(x))
    assert found.min() > 0.5
    assert found.max() < 1.25


@pytest.mark.parametrize("shape", SHAPES)
def test_torchs_own_does_the_same(shape):
    """To what bfloat16 allows. Kills: momentum of the last gradient alone, decay after the step.

    Five steps of length 0.5 along each of r directions; bfloat16 has 8 bits, five rounds amplify
    its error: 0.05 of the length of the steps is allowed, and the bugs make 0.2 and more.
    """
    w = nn.Parameter(torch.randn(shape, generator=seeded(1), dtype=torch.float32))
    peer = nn.Parameter(w.detach().clone())
    ours = Muon([w], lr=0.5, weight_decay=0.3)
    theirs = torch.optim.Muon([peer], lr=0.5, weight_decay=0.3)
    for k in range(5):
        w.grad = torch.randn(shape, generator=seeded(2 + k), dtype=torch.float32)
        peer.grad = w.grad.clone()
        ours.step()
        theirs.step()
    assert (w - peer).norm() < 0.05 * peer.norm()


def test_what_has_no_gradient_stays():
    """Kills: decay of what is frozen."""
    w = nn.Parameter(torch.ones(2, 3))
    Muon([w], lr=0.5, weight_decay=0.3).step()
    assert torch.equal(w, torch.ones(2, 3))
