"""Coupling layers: Jacobians by autograd, the equation by hand, masks."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.flows import (
    Affine,
    Coupling,
    RationalQuadraticSpline,
    checkerboard,
    half,
)
from coursepkg.nets import MLP, ResidualCNN
from coursepkg.rng import seeded
from tests.coursepkg.models.flows.truth import check_transform

MASK = torch.tensor([True, False, False, True, False])


def layer(monotone, mask=MASK) -> Coupling:
    net = MLP([5, 8, monotone.size * 5], generator=seeded(1))
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(3)
    return Coupling(net, mask, monotone=monotone)


def points() -> torch.Tensor:
    return torch.randn(4, 5, generator=seeded(2))


@pytest.mark.equation("coupling-determinant")
@pytest.mark.parametrize("monotone", [Affine(), RationalQuadraticSpline(bins=4, reach=2.0)])
def test_its_jacobian_is_triangular_and_the_determinant_is_autograds(monotone):
    """Kills: a network that sees what it moves, parameters of another variable."""
    coupling, x = layer(monotone), points()
    check_transform(coupling, x)
    J = torch.autograd.functional.jacobian(lambda y: coupling.encode(y[None])[0][0], x[0])
    assert torch.equal(J[MASK], torch.eye(5)[MASK])
    moved = J[~MASK][:, ~MASK]
    assert torch.equal(moved, moved.diag().diag())
    assert J[~MASK][:, MASK].abs().min() > 1e-4, "vacuous: nothing depends on what passes"


@pytest.mark.equation("coupling")
@pytest.mark.equation("coupling-determinant")
def test_it_is_the_equation_of_the_paper():
    """z = b x + (1 - b)(x e^s + t), s and t of b x, and back. Kills: θ read in another layout."""
    coupling, x, b = layer(Affine(2.0)), points(), MASK.double()
    raw, t = coupling.net(b * x).chunk(2, dim=1)
    s = 2 * torch.tanh(raw / 2)
    z, log_det = coupling.encode(x)
    assert_close(z, b * x + (1 - b) * (x * s.exp() + t))
    assert_close(log_det, ((1 - b) * s).sum(1))
    raw, t = coupling.net(b * z).chunk(2, dim=1)
    s = 2 * torch.tanh(raw / 2)
    assert_close(coupling.decode(z), b * z + (1 - b) * (z - t) * (-s).exp())
    assert ((1 - b) * s).abs().max() > 0.1, "vacuous: no scale"


def test_images_pass_through_a_convolution():
    """The blocks of channels are the parameters. Kills: channels and places swapped."""
    net = ResidualCNN((1, 4, 4), 2, hidden=3, blocks=1, generator=seeded(0))
    torch.nn.init.normal_(net.bias, generator=seeded(1))
    coupling = Coupling(net, checkerboard((1, 4, 4), parity=0), monotone=Affine())
    x = torch.randn(3, 16, generator=seeded(2))
    check_transform(coupling, x)
    z, _ = coupling.encode(x)
    place = coupling.moved[0]
    row, column = divmod(place.item(), 4)
    scale = (2 * torch.tanh(net.bias[0, row, column] / 2)).exp()
    assert_close(z[:, place], x[:, place] * scale + net.bias[1, row, column])


def test_masks_are_those_of_the_paper():
    """Kills: parities swapped, stripes, a forgotten channel, layer 2 of a chain odd as layer 1."""
    board = checkerboard((2, 2, 3), parity=0).int().view(2, 2, 3)
    assert board[0].tolist() == board[1].tolist() == [[1, 0, 1], [0, 1, 0]]
    assert torch.equal(checkerboard((2, 2, 3), parity=1).int().view(2, 2, 3), 1 - board)
    assert half(5, parity=0).tolist() == [True, True, False, False, False]
    assert half(5, parity=1).tolist() == [False, False, True, True, True]
    assert torch.equal(half(5, parity=2), half(5, parity=0))
    assert torch.equal(checkerboard((2, 2, 3), parity=2), checkerboard((2, 2, 3), parity=0))


def test_the_callers_mask_is_not_kept():
    """Kills: an alias."""
    mask = MASK.clone()
    coupling = layer(Affine(), mask)
    before = coupling.encode(points())[0]
    mask.fill_(False)
    assert torch.equal(coupling.encode(points())[0], before)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.ones(5).bool(), r"mask: expected.*some that do not, got shape \(5,\) with 5"),
        (torch.zeros(5).bool(), r"mask: expected.*got shape \(5,\) with 0"),
        (torch.ones(1, 5).bool().tril(), r"mask: expected shape \(D,\).*got shape \(1, 5\)"),
        (torch.tensor([1, 0]), r"mask: expected a bool tensor, got dtype torch.int64"),
    ],
)
def test_a_mask_that_passes_everything_or_nothing_is_refused(mask, message):
    with pytest.raises((ValueError, TypeError), match=message):
        layer(Affine(), mask)


def test_wrong_input_and_wrong_networks_are_refused():
    coupling = layer(Affine())
    for bad in (torch.zeros(2, 4), torch.full((1, 5), torch.nan)):
        with pytest.raises(ValueError, match=r"x: expected"):
            coupling.encode(bad)
        with pytest.raises(ValueError, match=r"z: expected"):
            coupling.decode(bad)
    short = Coupling(MLP([5, 5], generator=seeded(0)), MASK, monotone=Affine())
    with pytest.raises(ValueError, match=r"net: expected parameters \(4, 10\), got \(4, 5\)"):
        short.encode(points())
