"""Missing and noisy pixels under a mixture, against sums over all states and quadrature."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.mixtures import (
    CategoricalMixture,
    draw_given,
    known_evidence,
    log_evidence,
    log_prob_missing,
    noisy_evidence,
    probs_given,
)
from tests.oracles import state_index, states
from tests.statistics import assert_probs

M, D, K = 3, 3, 4
SPACE = states(K, D)
MASKS = [m for m in itertools.product([True, False], repeat=D) if any(m)]


@pytest.fixture
def mixture(generator):
    """All tables and weights drawn; level 3 of pixel 2 never shows in component 0."""
    model = CategoricalMixture(M, dim=D, levels=K, generator=generator)
    model.log_levels.copy_((2 * torch.randn(M, D, K, generator=generator)).log_softmax(2))
    model.log_levels[0, 2] = torch.tensor([0.2, 0.3, 0.5, 0.0]).log()
    model.log_weights.copy_(torch.randn(M, generator=generator).log_softmax(0))
    return model


@pytest.fixture
def evidence(generator):
    return torch.rand(5, D, K, generator=generator)


def by_counting(mixture, e):
    """p(e) and p(x_d = l | e) of one example, from p(x) of all states."""
    d = torch.arange(D)
    joint = torch.stack([mixture.log_prob(x[None])[0].exp() * e[d, x].prod() for x in SPACE])
    probs = torch.stack([joint[SPACE[:, i] == k].sum() for i in range(D) for k in range(K)])
    return joint.sum(), probs.view(D, K) / joint.sum()


@pytest.mark.equation("mixture-evidence")
@pytest.mark.equation("mixture-given")
def test_evidence_is_summed_out_as_over_all_states(mixture, evidence):
    """Kills: the weights left out, a sum for the product, evidence that is not multiplied back."""
    for e, log_p, probs in zip(
        evidence, log_evidence(mixture, evidence), probs_given(mixture, evidence), strict=True
    ):
        expected, marginals = by_counting(mixture, e)
        assert_close(log_p.exp(), expected)
        assert_close(probs, marginals)


@pytest.mark.equation("missing-conditional")
@pytest.mark.parametrize("mask", MASKS)
def test_missing_pixels_have_the_conditional_law_of_all_states(mixture, mask):
    """Every mask and state. Kills: the known and the missing swapped, a level of x that is read."""
    known = torch.tensor(mask)
    p = mixture.log_prob(SPACE).exp()
    agrees = ((SPACE[:, None] == SPACE[None]) | ~known).all(-1).to(p)
    expected = (p / (agrees @ p)).log()
    assert_close(log_prob_missing(mixture, SPACE, known), expected)
    found = probs_given(mixture, known_evidence(SPACE, known.expand_as(SPACE), levels=K))
    assert_close(found.sum(2), torch.ones(len(SPACE), D))
    for d, k in itertools.product(range(D), range(K)):
        assert_close(found[:, d, k], agrees @ (p * (SPACE[:, d] == k)) / (agrees @ p))


def test_missing_levels_are_not_read(mixture):
    """Kills: a one-hot of what is missing."""
    known = torch.tensor([True, False, True])
    other = torch.where(known, SPACE, (SPACE + 1) % K)
    e = known_evidence(SPACE, known, levels=K)
    assert torch.equal(e, known_evidence(other, known, levels=K))
    assert (e[:, 1] == 1).all()
    assert_close(e[:, 0].argmax(1), SPACE[:, 0])
    assert_close(e[:, 0].sum(1), torch.ones(len(SPACE)))


def test_noise_has_the_normal_density(mixture):
    """torch's own, and the law of y integrates to one. Kills: τ² for τ, the normaliser."""
    y = torch.tensor([[0.3, -1.0, 2.5]])
    e = noisy_evidence(y, noise=0.7, levels=K)
    for k in range(K):
        expected = torch.distributions.Normal(float(k), 0.7).log_prob(y).exp()
        assert_close(e[..., k], expected)
    line = torch.linspace(-6, 9, 3001)
    grid = torch.stack([line, torch.full_like(line, 0.5), torch.full_like(line, 1.5)], dim=1)
    e = noisy_evidence(grid, noise=0.7, levels=K)
    total = torch.trapezoid(log_evidence(mixture, e).exp(), line)
    e[:, 0] = 1  # the first pixel not seen
    assert_close(total, log_evidence(mixture, e)[0].exp())


def test_draws_follow_the_law_of_all_pixels_together(mixture, evidence, generator):
    """Kills: pixels drawn from their own laws, a component drawn from the prior."""
    e = evidence[:1] ** 4
    d = torch.arange(D)
    joint = torch.stack([mixture.log_prob(x[None])[0].exp() * e[0, d, x].prod() for x in SPACE])
    n = 20_000
    drawn = draw_given(mixture, e.expand(n, D, K), generator=generator)
    assert_probs(state_index(drawn, K), joint / joint.sum(), detects=0.16)


def test_pixels_that_are_known_stay(mixture, generator):
    known = torch.tensor([True, False, True])
    x = SPACE[SPACE[:, 2] < 3]
    drawn = draw_given(mixture, known_evidence(x, known, levels=K), generator=generator)
    assert torch.equal(drawn[:, known], x[:, known])
    assert not torch.equal(drawn, x)


def test_one_component_says_its_histogram(mixture):
    """By hand: a known neighbour changes nothing. Kills: evidence shared between pixels."""
    one = CategoricalMixture(1, dim=2, levels=2, generator=torch.Generator())
    one.log_levels.copy_(torch.tensor([[[0.25, 0.75], [0.5, 0.5]]]).log())
    x, known = torch.tensor([[1, 0]]), torch.tensor([False, True])
    assert log_prob_missing(one, x, known).item() == pytest.approx(math.log(0.75))


def test_what_cannot_be_asked_is_refused(mixture):
    """Kills: a mask that hides everything let through, evidence that no component allows."""
    x = SPACE[:4]
    hides = torch.zeros(4, D, dtype=torch.bool)
    hides[0] = True
    for ask in (
        lambda: known_evidence(x, hides, levels=K),
        lambda: log_prob_missing(mixture, x, hides),
        lambda: log_prob_missing(mixture, x, hides[1]),
    ):
        with pytest.raises(ValueError, match=r"at least one known entry.*hide everything"):
            ask()
    with pytest.raises(ValueError, match=r"expected shape \(B, 3, 4\)"):
        log_evidence(mixture, torch.ones(2, 3, 5))
    with pytest.raises(ValueError, match="evidence >= 0"):
        log_evidence(mixture, -torch.ones(2, 3, 4))
    with pytest.raises(ValueError, match="none does"):
        probs_given(mixture, torch.zeros(2, 3, 4))
    with pytest.raises(ValueError, match="noise: expected"):
        noisy_evidence(torch.ones(1, 3), noise=0.0, levels=K)
    with pytest.raises(TypeError, match="floating-point"):
        noisy_evidence(torch.ones(1, 3, dtype=torch.int64), noise=1.0, levels=K)


def test_impossible_where_one_component_never_has_the_level(mixture):
    """Component 0 lacks a level that is known. Kills: 0/0, which would be NaN."""
    x, known = torch.tensor([[1, 1, 3]]), torch.tensor([False, False, True])
    found = probs_given(mixture, known_evidence(x, known, levels=K))
    assert found.isfinite().all()
    _, expected = by_counting(mixture, known_evidence(x, known, levels=K)[0])
    assert_close(found[0], expected)


def test_evidence_too_small_to_divide_by_is_refused(mixture):
    """Kills: subnormal sums kept, of which the quotient is infinite, and the answer NaN."""
    with pytest.raises(ValueError, match="5 examples that none does"):
        probs_given(mixture, torch.full((5, D, K), torch.finfo(mixture.log_weights.dtype).tiny / 8))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_known_levels_may_be_any_integers(dtype):
    """Kills: levels handed on as they are to a library that wants int64."""
    x, known = torch.tensor([[0, 3, 1]]), torch.tensor([True, True, False])
    assert_close(known_evidence(x.to(dtype), known, levels=K), known_evidence(x, known, levels=K))
