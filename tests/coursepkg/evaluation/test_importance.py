"""Means of importance weights: under the name that the weight has, and tighter with draws."""

import copy
import io
import math

import pytest
import torch

from coursepkg import protocols
from coursepkg.evaluation import Given, ImportanceBound, nats
from coursepkg.rng import seeded
from tests.coursepkg.evaluation.toys import Latent, Shifted, ShiftedBound, Unnormalised
from tests.statistics import assert_mean

X = torch.tensor([0.0, 1.0])


def test_it_is_the_log_of_the_mean_of_the_weights_that_the_model_draws():
    """Kills: a mean of logarithms, log R lost or added, one draw for all."""
    model, g = Latent(), seeded(3)
    x = X.repeat(20)
    weights = torch.stack([model.log_weight(x, generator=g).exp() for _ in range(5)])
    bound = ImportanceBound(model, 5).log_weight(x, generator=seeded(3))
    torch.testing.assert_close(bound, weights.mean(0).log())
    assert weights.std(0).max() > 0.01, "vacuous: the draws are one"


def test_a_mean_of_weights_is_a_weight():
    """E exp = p(x), whatever the draws; p = (0.55, 0.45)."""
    bound, n = ImportanceBound(Latent(), 3), 40_000
    for value, p in zip((0.0, 1.0), (0.55, 0.45), strict=True):
        log_w = bound.log_weight(torch.full((n,), value), generator=seeded(4)).detach()
        assert_mean(log_w.exp(), p, detects=0.1)


def test_more_draws_tighten_the_bound_from_below():
    """Against a sum over the counts of h. Kills: a bound that does not move, or overshoots."""
    model, n = Latent(), 40_000
    q, w = torch.tensor([0.9, 0.1]), 0.5 * model.rates.detach() / torch.tensor([0.9, 0.1])
    found = []
    for R in (1, 4, 16):
        k = torch.arange(R + 1.0)  # how many of the R draws have h = 1
        law = torch.distributions.Binomial(R, q[1]).log_prob(k).exp()
        expected = (law * (((R - k) * w[0] + k * w[1]) / R).log()).sum().item()
        bound = ImportanceBound(model, R).log_weight(torch.ones(n), generator=seeded(R))
        assert_mean(bound.detach(), expected, detects=0.2)
        found.append(expected)
    assert found[0] < found[1] - 0.1 < found[2] - 0.2 < math.log(0.45) - 0.2


def test_the_weight_keeps_its_name_and_so_its_sign():
    """Kills: an unnormalised weight sold as ≤. Seen also where only attributes are looked up."""
    normalised, other = ImportanceBound(Latent(), 2), ImportanceBound(Unnormalised(), 2)
    assert isinstance(normalised, protocols.Weighted)
    assert not isinstance(normalised, protocols.UnnormalisedWeighted)
    assert isinstance(other, protocols.UnnormalisedWeighted)
    assert not isinstance(other, protocols.Weighted)
    assert not hasattr(other, "log_weight")
    assert nats(normalised, X, generator=seeded(0)).sign == "≤"
    score = nats(other, X, generator=seeded(0), log_Z=2.0)
    assert score.sign == "≈"
    assert score.value == pytest.approx(nats(normalised, X, generator=seeded(0)).value)


def test_of_a_conditional_model_it_takes_the_condition():
    """Row by row. Kills: the condition dropped, one for all."""
    x, c = torch.randn(6, generator=seeded(1)), torch.arange(6.0)
    bound = ImportanceBound(ShiftedBound(), 3)
    together = bound.log_weight(x, condition=c, generator=seeded(2))
    shifted = ImportanceBound(Given(ShiftedBound(), torch.tensor(0.0)), 3)
    torch.testing.assert_close(together, shifted.log_weight(x - c, generator=seeded(2)))
    assert nats(bound, x, condition=c, generator=seeded(2)).sign == "≤"
    with pytest.raises(TypeError, match="condition: expected one"):
        nats(bound, x, generator=seeded(2))


def test_copies_and_saved_weights_belong_to_the_copy():
    """Kills: a copied bound that still scores the old model."""
    bound = ImportanceBound(Latent(), 2)
    twin = copy.deepcopy(bound)
    with torch.no_grad():
        twin.model.rates.fill_(0.5)
    before = bound.log_weight(X, generator=seeded(0))
    assert not torch.equal(twin.log_weight(X, generator=seeded(0)), before)
    file = io.BytesIO()
    torch.save(bound.state_dict(), file)
    file.seek(0)
    twin.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(twin.log_weight(X, generator=seeded(0)), before)


def test_what_is_no_weight_or_no_number_of_draws_is_refused():
    with pytest.raises(ValueError, match="draws: expected at least 1, got 0"):
        ImportanceBound(Latent(), 0)
    with pytest.raises(TypeError, match=r"expected log_weight or .*got a Shifted"):
        ImportanceBound(Shifted(), 2)
