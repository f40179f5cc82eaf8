"""What all three machines share."""

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.rbm import harmonium
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.gaussian import GaussianRBM
from coursepkg.models.rbm.gibbs import BlockGibbs
from coursepkg.models.rbm.learning import PersistentChains, train
from coursepkg.models.rbm.paths import RBMPath
from coursepkg.models.rbm.spins import SpinRBM
from coursepkg.rng import seeded
from tests.coursepkg.models.rbm.machines import binary, gaussian, spins
from tests.statistics import assert_mean

KINDS = pytest.mark.parametrize("kind", [RBM, SpinRBM, GaussianRBM])


@pytest.mark.equation("rbm-gradient")
@pytest.mark.parametrize("make", [binary, spins, gaussian])
def test_statistics_are_the_slope_of_the_mean_free_energy(make):
    """Autograd. Kills: a sum for the mean, β forgotten, draws of h for their mean, W transposed."""
    rbm = make()
    v = torch.randn(7, len(rbm.b), generator=seeded(2))
    v = {binary: v.gt(0).double(), spins: v.sign(), gaussian: v}[make]
    found = rbm.statistics(v)
    slopes = torch.autograd.grad(-rbm.free_energy(v).mean(), (rbm.W, rbm.b, rbm.c))
    for one, other in zip(found, slopes, strict=True):
        assert_close(one, other)
        assert not one.requires_grad


@KINDS
def test_first_weights_are_normal_and_biases_zero(kind):
    """Kills: the scale forgotten or squared, uniform weights."""
    rbm = kind(100, 100, generator=seeded(0), scale=0.3)
    assert_mean(rbm.W.detach().flatten().square(), 0.09, detects=0.02)
    assert_mean(rbm.W.detach().flatten().pow(4), 3 * 0.09**2, detects=0.01)
    assert not rbm.b.any()
    assert not rbm.c.any()


@KINDS
@pytest.mark.parametrize(("D", "M", "scale"), [(0, 2, 0.1), (2, 0, 0.1), (2, 2, -1.0),
                                               (2, 2, float("nan"))])  # fmt: skip
def test_impossible_sizes_are_refused(kind, D, M, scale):
    with pytest.raises(ValueError, match=r"expected visible >= 1.*got"):
        kind(D, M, generator=seeded(0), scale=scale)


@KINDS
def test_a_mask_cuts_links_and_travels_with_the_weights(kind):
    """Kills: a mask that only the first step respects; one that load_state_dict loses."""
    mask = torch.tensor([[1.0, 0], [1, 1], [0, 1]])
    rbm = kind(3, 2, generator=seeded(0), scale=1.0, mask=mask)
    assert_close(rbm.W != 0, mask == 1)
    assert_close(rbm.state_dict()["mask"], mask)
    assert kind(3, 2, generator=seeded(0)).mask is None


@KINDS
@pytest.mark.parametrize("mask", [torch.ones(2, 3), torch.ones(2, 2), torch.full((3, 2), 0.5)])
def test_an_impossible_mask_is_refused(kind, mask):
    with pytest.raises(ValueError, match=r"mask: expected.*got"):
        kind(3, 2, generator=seeded(0), mask=mask)


def test_exact_draws_do_not_depend_on_how_the_states_are_split(monkeypatch):
    rbm = binary(3, 5)
    whole = rbm.sample(50, generator=seeded(1))
    monkeypatch.setattr(harmonium, "CHUNK", 3)
    assert torch.equal(rbm.sample(50, generator=seeded(1)), whole)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("make", [binary, spins, gaussian])
def test_weights_that_are_not_finite_are_seen_before_anything_is_drawn(make, bad):
    """A comparison with NaN is false: a chain would show zeros and say nothing."""
    rbm = make()
    x = torch.ones(2, len(rbm.b))
    with torch.no_grad():
        rbm.c[1] = bad
    calls = [
        lambda: BlockGibbs(rbm).init(x),
        lambda: rbm.sample(1, generator=seeded(0)),
        lambda: train(rbm, x, negative=PersistentChains(2), epochs=1, batch_size=1, step_size=0.1,
                      generator=seeded(0)),
        *([lambda: RBMPath(rbm)] if make is binary else []),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(ValueError, match="c: expected finite weights, got 1 NaN or inf"):
            call()
