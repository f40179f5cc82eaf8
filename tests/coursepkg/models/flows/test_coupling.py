"""Coupling layers: Jacobians by autograd, the equation by hand, masks."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.flows import (
    Affine,
    Coupling,
    OnGrid,
    RationalQuadraticSpline,
    checkerboard,
    half,
)
from coursepkg.nets import MLP, ResidualCNN
from coursepkg.rng import seeded
from tests.coursepkg.models.flows.truth import check_transform, shaken

MASK = torch.tensor([True, False, False, True, False])
MASKS = {
    "scattered": MASK,
    "first": half(5, parity=0),
    "second": half(5, parity=1),
    "one run between": torch.tensor([False, True, True, False, False]),
}


def layer(monotone, mask=MASK) -> Coupling:
    passing = int(mask.sum())
    net = MLP([passing, 8, monotone.size * (5 - passing)], generator=seeded(1))
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(3)
    return Coupling(net, mask, monotone=monotone)


def points() -> torch.Tensor:
    return torch.randn(4, 5, generator=seeded(2))


@pytest.mark.equation("coupling-determinant")
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("monotone", [Affine(), RationalQuadraticSpline(bins=4, reach=2.0)])
def test_its_jacobian_is_triangular_and_the_determinant_is_autograds(monotone, mask):
    """Kills: a network that sees what it moves; a mask taken for one run."""
    coupling, x = layer(monotone, mask), points()
    check_transform(coupling, x)
    J = torch.autograd.functional.jacobian(lambda y: coupling.encode(y[None])[0][0], x[0])
    assert torch.equal(J[mask], torch.eye(5)[mask])
    moved = J[~mask][:, ~mask]
    assert torch.equal(moved, moved.diag().diag())
    assert J[~mask][:, mask].abs().min() > 1e-4, "vacuous: nothing depends on what passes"


@pytest.mark.equation("coupling")
@pytest.mark.equation("coupling-determinant")
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_it_is_the_equation_of_the_paper(mask):
    """One variable after the other, by boolean masks. Kills: θ read in another layout."""
    coupling, x, count = layer(Affine(2.0), mask), points(), int((~mask).sum())
    z, log_det = coupling.encode(x)
    assert torch.equal(z[:, mask], x[:, mask])
    theta = coupling.net(x[:, mask])
    s = 2 * torch.tanh(theta[:, :count] / 2)
    places = [d for d in range(5) if not mask[d]]
    for n, d in enumerate(places):
        assert_close(z[:, d], x[:, d] * s[:, n].exp() + theta[:, count + n])
    assert_close(log_det, s.sum(1))
    back, theta = coupling.decode(z), coupling.net(z[:, mask])
    assert torch.equal(back[:, mask], z[:, mask])
    for n, d in enumerate(places):
        scale = (2 * torch.tanh(theta[:, n] / 2)).exp()
        assert_close(back[:, d], (z[:, d] - theta[:, count + n]) / scale)
    assert s.abs().max() > 0.1, "vacuous: no scale"


@pytest.mark.parametrize("parity", [0, 1])
def test_half_the_channels_pass_through_a_convolution(parity):
    """The blocks of channels are the parameters. Kills: channels and places swapped."""
    net = ResidualCNN((2, 3, 2), 4, hidden=3, blocks=1, generator=seeded(0))
    torch.nn.init.normal_(net.bias, generator=seeded(1))
    coupling = Coupling(net, half(24, parity=parity), monotone=Affine())
    x = torch.randn(3, 4, 3, 2, generator=seeded(2))
    check_transform(coupling, x.flatten(1))
    z = coupling.encode(x.flatten(1))[0].view_as(x)
    kept, moved = ((0, 1), (2, 3)) if parity == 0 else ((2, 3), (0, 1))
    scale = (2 * torch.tanh(net.bias[:2] / 2)).exp()
    assert torch.equal(z[:, kept], x[:, kept])
    assert_close(z[:, moved], x[:, moved] * scale + net.bias[2:])


def test_a_checkerboard_passes_through_a_convolution_on_the_grid():
    """The mask as it multiplies whole images. Kills: pixels put back elsewhere, θ of others."""
    net = shaken(ResidualCNN((1, 4, 4), 2, hidden=3, blocks=1, generator=seeded(0)), seeded(1))
    mask = checkerboard((1, 4, 4), parity=0)
    coupling = Coupling(OnGrid(net, mask), mask, monotone=Affine())
    x, b = torch.randn(3, 16, generator=seeded(2)), mask.double()
    check_transform(coupling, x)
    raw, t = net(b * x).chunk(2, dim=1)
    s = 2 * torch.tanh(raw / 2)
    z, log_det = coupling.encode(x)
    assert_close(z, b * x + (1 - b) * (x * s.exp() + t))
    assert_close(log_det, ((1 - b) * s).sum(1))
    J = torch.autograd.functional.jacobian(lambda y: coupling.encode(y[None])[0][0], x[0])
    assert J[1, [0, 2, 5]].abs().min() > 1e-4, "vacuous: no neighbour is seen"


@pytest.mark.parametrize(
    "make", [lambda m: layer(Affine(), m), lambda m: OnGrid(MLP([5, 5], generator=seeded(0)), m)]
)
def test_its_indices_go_where_its_weights_go_and_are_none(make):
    """Kills: indices that stay on the device where they were made, or are saved as weights."""
    made = make(MASK).to("meta")
    assert made.passing.device == made.moved.device == torch.device("meta")
    assert all(name.startswith("net.") for name in made.state_dict())


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
        Coupling(MLP([2, 6], generator=seeded(0)), mask, monotone=Affine())
    with pytest.raises((ValueError, TypeError), match=message):
        OnGrid(MLP([5, 10], generator=seeded(0)), mask)


def test_wrong_input_and_wrong_networks_are_refused():
    coupling = layer(Affine())
    one = points()[:1]
    infinite = one.clone()
    infinite[0, 0], infinite[0, 1] = torch.inf, -torch.inf
    for bad in (torch.zeros(2, 4), torch.full((1, 5), torch.nan), infinite, one[:0], one.long()):
        with pytest.raises((ValueError, TypeError), match=r"x: expected"):
            coupling.encode(bad)
        with pytest.raises((ValueError, TypeError), match=r"z: expected"):
            coupling.decode(bad)
    coupling.encode(torch.full((1, 5), torch.finfo(one.dtype).max))  # finite, but not the sum
    short = Coupling(MLP([2, 5], generator=seeded(0)), MASK, monotone=Affine())
    with pytest.raises(ValueError, match=r"net: expected parameters \(4, 6\), got \(4, 5\)"):
        short.encode(points())
    odd = Coupling(OnGrid(MLP([5, 9], generator=seeded(0)), MASK), MASK, monotone=Affine())
    with pytest.raises(ValueError, match=r"net: expected blocks of 5 parameters, got \(4, 9\)"):
        odd.encode(points())
