"""Autoregressive flows: triangular Jacobians, the passes of both directions, patches."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.flows import (
    Affine,
    AutoregressiveFlow,
    RationalQuadraticSpline,
    patch_order,
)
from coursepkg.nets import CausalTransformer, MaskedMLP
from coursepkg.rng import seeded
from tests.coursepkg.models.flows.truth import check_transform, shaken

D = 6


def made(monotone, *, block: int = 1) -> AutoregressiveFlow:
    if block == 1:
        net = MaskedMLP(D, monotone.size, hidden=[9, 7], generator=seeded(0))
    else:
        net = CausalTransformer(
            D, monotone.size, block=block, width=8, layers=2, heads=2, generator=seeded(0)
        )
    return AutoregressiveFlow(shaken(net, seeded(1)), monotone=monotone, dim=D, block=block)


def points(n: int = 3) -> torch.Tensor:
    return torch.randn(n, D, generator=seeded(7))


@pytest.mark.equation("autoregressive-flow")
@pytest.mark.parametrize("block", [1, 2, 3])
@pytest.mark.parametrize("monotone", [Affine(), RationalQuadraticSpline(bins=3, reach=2.0)])
def test_it_is_triangular_by_blocks_and_undone(monotone, block):
    """Kills: a mask that lets the present through, a block that sees itself, θ of another one."""
    flow = made(monotone, block=block)
    check_transform(flow, points(2))
    J = torch.autograd.functional.jacobian(lambda y: flow.encode(y[None])[0][0], points(1)[0])
    place = torch.arange(D) // block
    later = place[:, None] <= place
    later.fill_diagonal_(False)
    assert not J[later].any()
    before = place[:, None] > place
    if isinstance(monotone, Affine):
        assert (J[before] != 0).all(), "vacuous: something before is not seen"


def test_the_passes_of_the_two_directions():
    """One to encode, one a block to decode. Kills: D passes whatever the block."""
    flow = made(Affine(), block=2)
    asked = []
    flow.net.register_forward_hook(lambda *_: asked.append(1))
    z, _ = flow.encode(points())
    assert len(asked) == 1
    flow.decode(z)
    assert len(asked) == 1 + D // 2


@pytest.mark.equation("autoregressive-flow")
def test_it_is_the_equation():
    """z_d = x_d e^{s_d} + t_d, by a loop. Kills: scale and shift of another variable."""
    flow, x = made(Affine(2.0)), points()
    theta = flow.net(x)
    z, log_det = flow.encode(x)
    for d in range(D):
        s = 2 * torch.tanh(theta[:, d] / 2)
        assert_close(z[:, d], x[:, d] * s.exp() + theta[:, D + d])
    assert_close(log_det, (2 * torch.tanh(theta[:, :D] / 2)).sum(1))


def test_networks_start_at_zero_and_repeat():
    for net in (MaskedMLP(D, 2, hidden=[5], generator=seeded(0)),
                CausalTransformer(D, 2, block=2, width=4, layers=1, heads=1,
                                  generator=seeded(0))):  # fmt: skip
        assert not net(points()).any()
        assert shaken(net, seeded(1))(points()).any()


def test_the_transformer_drops_features_in_training_only():
    net = CausalTransformer(D, 2, block=2, width=16, layers=1, heads=2, dropout=0.5,
                            generator=seeded(0))  # fmt: skip
    shaken(net, seeded(1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert not torch.equal(net.train()(points()), net(points()))
    assert torch.equal(net.eval()(points()), net(points()))


def test_patches_are_unfolds():
    """Kills: rows and columns of patches swapped."""
    x = torch.arange(48.0).view(1, 2, 4, 6)
    expected = torch.nn.functional.unfold(x, 2, stride=2).transpose(1, 2).flatten()
    assert torch.equal(x.flatten()[patch_order((2, 4, 6), patch=2)], expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AutoregressiveFlow(torch.nn.Identity(), monotone=Affine(), dim=6, block=4),
         r"block: expected a divisor of 6, got 4"),
        (lambda: AutoregressiveFlow(torch.nn.Identity(), monotone=Affine(), dim=6).encode(points()),
         r"net: expected parameters \(3, 12\), got \(3, 6\)"),
        (lambda: made(Affine()).encode(torch.zeros(2, 5)), r"x: expected shape"),
        (lambda: made(Affine()).decode(torch.zeros(2, 5)), r"z: expected shape"),
        (lambda: patch_order((1, 4, 6), patch=3), r"patch: expected a divisor of 4 and 6, got 3"),
        (lambda: MaskedMLP(1, 2, hidden=[3], generator=seeded(0)), r"expected dim >= 2.*got 1"),
        (lambda: MaskedMLP(3, 2, hidden=[], generator=seeded(0)), r"expected dim.*got 3, 2, \[\]"),
        (lambda: MaskedMLP(6, 2, hidden=[9, 4], generator=seeded(0)),
         r"hidden widths >= dim - 1, got 6, 2, \[9, 4\]"),
        (lambda: AutoregressiveFlow(made(Affine()).net, monotone=Affine(), dim=D, block=2),
         r"block: expected 1, as the network has it, got 2"),
        (lambda: AutoregressiveFlow(made(Affine(), block=2).net, monotone=Affine(), dim=D),
         r"block: expected 2, as the network has it, got 1"),
        (lambda: CausalTransformer(6, 2, block=4, width=4, layers=1, heads=1, generator=seeded(0)),
         r"expected divisors of 6 and 4, got 4 and 1"),
        (lambda: CausalTransformer(6, 2, block=0, width=4, layers=1, heads=1, generator=seeded(0)),
         r"block: expected a finite number > 0, got 0"),
        (lambda: CausalTransformer(6, 2, block=2, width=4, layers=1, heads=0, generator=seeded(0)),
         r"heads: expected a finite number > 0, got 0"),
        (lambda: CausalTransformer(6, 2, block=2, width=4, layers=1, heads=3, generator=seeded(0)),
         r"expected divisors of 6 and 4, got 2 and 3"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
