"""The architecture of several scales: its Jacobian, its start, who meets whom at which scale."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from coursepkg.models.flows import Affine, RationalQuadraticSpline, multi_scale
from coursepkg.rng import seeded
from tests.coursepkg.models.flows.truth import check_transform, shaken

SIZES = {"scales": 2, "couplings": 2, "hidden": 5}


def flow(shape=(1, 4, 4), *, monotone=None, seed=0, **sizes):
    return multi_scale(
        shape, monotone=monotone or Affine(), generator=seeded(seed), **(SIZES | sizes)
    )


def images(n: int, dim: int = 16) -> torch.Tensor:
    return torch.randn(n, dim, generator=seeded(9))


@pytest.mark.parametrize("monotone", [Affine(), RationalQuadraticSpline(bins=3)])
@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 4, 8)])
def test_it_is_a_transform(shape, monotone):
    """Kills: a log-determinant that one scale lacks; sides or channels confused."""
    dim = shape[0] * shape[1] * shape[2]
    # Shaken more, the Jacobian is so badly conditioned that its determinant loses ten digits.
    made = shaken(flow(shape, monotone=monotone), seeded(1), by=0.1).eval()
    check_transform(made, images(2, dim))
    assert made.encode(images(2, dim))[1].abs().min() > 0.01, "vacuous: no volume"


def test_at_the_start_a_block_is_rotated_in_itself():
    """Kills: no squeeze; other places than those of one block mixed; a start that stretches."""
    made = flow(scales=1, couplings=3)
    z, log_det = made.encode(images(3))
    assert_close(log_det, torch.zeros(3))
    assert_close(z.norm(dim=1), images(3).norm(dim=1))
    moved = torch.autograd.functional.jacobian(lambda x: made.encode(x[None])[0][0], images(1)[0])
    for pixel in range(16):  # of row r and column c: the block (r // 2, c // 2)
        block = pixel // 8 * 2 + pixel % 4 // 2
        found = (moved[:, pixel].abs() > 1e-12).nonzero().flatten()
        assert found.tolist() == [4 * channel + block for channel in range(4)]


def test_the_halves_take_turns_and_half_leaves_at_each_scale():
    """Kills: one half that is never moved; a scale too few; a deeper scale of other sizes."""
    made, shape = flow((1, 8, 8), scales=3, couplings=3, dropout=0.25), (1, 8, 8)
    for scale in range(3):
        shape = (4 * shape[0], shape[1] // 2, shape[2] // 2)
        dim = shape[0] * shape[1] * shape[2]
        squeeze, *pairs = made.layers
        leaves = [] if scale == 2 else [pairs.pop()]
        assert len(squeeze.order) == dim
        assert [c.dim for c in pairs[1::2]] == [dim] * 3
        low, high = slice(0, dim // 2), slice(dim // 2, dim)
        assert [(c.passing, c.moved) for c in pairs[1::2]] == [
            (low, high),
            (high, low),
            (low, high),
        ]
        assert all(c.net.first.weight.shape[:2] == (5, shape[0] // 2) for c in pairs[1::2])
        drops = [m.p for c in pairs[1::2] for m in c.modules() if isinstance(m, nn.Dropout)]
        assert drops == [0.25] * 3
        for leave in leaves:
            assert (leave.dim, leave.kept) == (dim, dim // 2)
            made, shape = leave.transform, (shape[0] // 2, *shape[1:])


def test_weights_come_from_the_generator():
    """Kills: rotations or networks drawn from elsewhere, or all alike."""
    first, again, other = flow(), flow(), flow(seed=1)
    weights = first.state_dict()
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in weights.items())
    drawn = [k for k in weights if k.endswith("first.weight")]
    assert len(drawn) == 4
    assert not any(torch.equal(weights[k], other.state_dict()[k]) for k in drawn)
    assert not torch.equal(weights[drawn[0]], weights[drawn[1]])


@pytest.mark.parametrize("wrong", [{"scales": 0}, {"couplings": 0}, {"hidden": 0}])
def test_sizes_must_be_positive(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected"):
        flow(**wrong)


@pytest.mark.parametrize("shape", [(1, 6, 4), (1, 4, 6), (1, 3, 4)])
def test_a_side_that_cannot_be_halved_so_often_is_refused(shape):
    """Kills: a row or column that is dropped in silence."""
    with pytest.raises(ValueError, match="expected an even height and width"):
        flow(shape)
