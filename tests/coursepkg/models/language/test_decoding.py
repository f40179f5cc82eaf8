"""What each way of decoding does to the law: by sorting in plain Python, and by what is optimal."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.language.decoding import most_likely, nucleus, temper, top_k
from tests.oracles import states

LAW = torch.tensor([0.1, 0.4, 0.05, 0.25, 0.2])


def plain(p, kept):
    """p over its sum on a set of symbols."""
    mass = sum(p[i] for i in kept)
    return torch.tensor([p[i] / mass if i in kept else 0.0 for i in range(len(p))])


def ranked(p):
    return sorted(range(len(p)), key=lambda i: (-p[i], i))


@pytest.fixture
def laws(generator):
    return torch.randn(50, 7, generator=generator).mul(2).log_softmax(-1)


def test_top_k_keeps_the_k_most_likely(laws):
    """Kills: the least likely, k + 1, no renormalising, a threshold that keeps ties."""
    for k in range(1, 9):
        for given, found in zip(laws.exp().tolist(), top_k(laws, k=k).exp(), strict=True):
            assert_close(found, plain(given, ranked(given)[:k]))
    tied = torch.full((4,), 0.25).log()
    assert top_k(tied, k=2).exp().tolist() == pytest.approx([0.5, 0.5, 0, 0])


@pytest.mark.equation("nucleus")
def test_the_nucleus_is_the_smallest_set_of_the_most_likely_with_mass_p(laws):
    """Against a search over all 2^7 sets. Kills: one symbol too few or too many, 1 - p for p."""
    for p in (0.01, 0.3, 0.5, 0.9, 0.99):
        for given, found in zip(laws.exp().tolist(), nucleus(laws, p=p).exp(), strict=True):
            sets = (
                s for n in range(1, 8) for s in itertools.combinations(range(7), n)
                if sum(given[i] for i in s) >= p
            )  # fmt: skip
            smallest = len(next(sets))
            heaviest = max(
                itertools.combinations(range(7), smallest), key=lambda s: sum(given[i] for i in s)
            )
            assert_close(found, plain(given, heaviest))


def test_a_nucleus_by_hand():
    """0.4 + 0.25 = 0.65: p = 0.6 keeps two, p = 0.7 three. Kills: ≤ for <."""
    assert nucleus(LAW.log(), p=0.6).exp().tolist() == pytest.approx([0, 8 / 13, 0, 5 / 13, 0])
    assert (nucleus(LAW.log(), p=0.7) > -math.inf).sum() == 3
    assert (nucleus(torch.tensor([0.5, 0.25, 0.25]).log(), p=0.5) > -math.inf).sum() == 1


@pytest.mark.equation("nucleus")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_has_just_p_is_enough_however_it_is_rounded(dtype):
    """Sums that are p in decimals. Kills: a symbol more because 0.15 + 0.05 > 1 - 0.8 in binary."""
    for law, sums in (
        ([0.5, 0.3, 0.15, 0.05], [0.5, 0.8, 0.95, 1.0]),
        ([0.9, 0.1], [0.9, 1.0]),
        ([0.99, 0.009, 0.001], [0.99, 0.999, 1.0]),
        ([0.1] * 10, [n / 10 for n in range(1, 11)]),
    ):
        log_p = torch.tensor(law, dtype=dtype).log().log_softmax(-1)
        kept = [(nucleus(log_p, p=p) > -math.inf).sum().item() for p in sums]
        assert kept == list(range(1, len(law) + 1))
        assert nucleus(log_p, p=0.5).dtype == dtype
    assert (nucleus(LAW.log(), p=0.65 + 1e-5) > -math.inf).sum() == 3, "more than rounding"


def test_p_of_one_keeps_everything_however_rare():
    """In single precision. Kills: a sum from the likely end, which is 1 before the rare come."""
    rare = torch.tensor([0.0, -30.0, -60.0], dtype=torch.float32).log_softmax(-1)
    assert torch.equal(nucleus(rare, p=1.0) > -math.inf, torch.tensor([True] * 3))
    assert_close(nucleus(rare, p=1.0), rare)
    assert nucleus(rare, p=1e-9).tolist() == [0, -math.inf, -math.inf]


def test_greedy_is_certain_and_takes_the_first_of_equals(laws):
    found = most_likely(laws)
    assert torch.equal(found.exp().argmax(-1), laws.argmax(-1))
    assert ((found == 0).sum(-1) == 1).all()
    assert most_likely(torch.tensor([0.3, 0.35, 0.35]).log()).exp().tolist() == [0, 1, 0]


@pytest.mark.equation("temperature-law")
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_tempered_law_is_the_best_of_mean_log_p_plus_entropy(temperature, laws, generator):
    """Maximised by gradients from other starts. Kills: temperature for its inverse, no effect."""
    log_p = laws[:4]

    def value(log_q):
        q = log_q.exp()
        return (q * log_p).sum(-1) - temperature * (q * log_q).sum(-1)

    found = temper(log_p, temperature=temperature)
    assert_close(found.exp().sum(-1), torch.ones(4))
    best = value(found)
    assert_close(best, temperature * (log_p / temperature).logsumexp(-1))
    for _ in range(20):
        other = (found + 0.3 * torch.randn(found.shape, generator=generator)).log_softmax(-1)
        assert (value(other) < best).all()
    free = found.clone().requires_grad_()
    value(free.log_softmax(-1)).sum().backward()
    assert free.grad.abs().max() < 1e-9


@pytest.mark.parametrize("temperature", [1e-310, 1e-30, 1e-3])
def test_a_temperature_near_0_is_greedy(temperature):
    """Of the best, which may be less likely than 1/e. Kills: a division that overflows: NaN."""
    law = torch.tensor([0.1, 0.3, 0.28, 0.32]).log()
    assert temper(law, temperature=temperature).exp().tolist() == pytest.approx([0, 0, 0, 1])
    certain = torch.tensor([0.0, 1.0]).log()
    assert temper(certain, temperature=temperature).tolist() == [-math.inf, 0]


@pytest.mark.equation("truncation-price")
def test_what_is_kept_is_minus_log_mass_away(laws):
    """KL(q, p) = -log p(kept). Kills: a law that is bent inside what is kept."""
    for found in (top_k(laws, k=3), nucleus(laws, p=0.7), most_likely(laws)):
        kept = found > -math.inf
        mass = laws.exp().where(kept, 0).sum(-1)
        divergence = (found.exp() * (found - laws)).where(kept, 0).sum(-1)
        assert_close(divergence, -mass.log())
        assert mass.min() < 0.9, "vacuous"


@pytest.mark.equation("temperature-strings")
def test_tempered_symbols_are_no_tempered_string():
    """Of all strings of 3: drawn symbol by symbol the law is p^(1/τ) / Π_t Z_t, not p^(1/τ) / Z."""
    table = torch.tensor([[0.2, 0.5, 0.3], [0.3, 0.4, 0.3], [0.9, 0.05, 0.05]]).log()  # moves
    y, tau = states(3, 3), 0.5
    log_p = table[y[:, :-1], y[:, 1:]].sum(1) + table[0][y[:, 0]]
    bent = temper(table, temperature=tau)
    found = bent[y[:, :-1], y[:, 1:]].sum(1) + bent[0][y[:, 0]]
    assert found.exp().sum().item() == pytest.approx(1)
    local = (table / tau).logsumexp(-1)  # log Z of each row
    assert_close(found, log_p / tau - local[0] - local[y[:, :-1]].sum(1))
    whole = (log_p / tau).log_softmax(0)
    assert (found.exp() - whole.exp()).abs().sum() > 0.05


def test_what_cannot_be_is_refused(laws):
    for temperature in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="temperature: expected a finite number > 0, got"):
            temper(laws, temperature=temperature)
    for p in (0.0, -0.1, 1.01, math.nan):
        with pytest.raises(ValueError, match=r"p: expected a probability in \(0, 1\], got"):
            nucleus(laws, p=p)
    for k in (0, -1, 1.5):
        with pytest.raises(ValueError, match="k: expected a whole number >= 1, got"):
            top_k(laws, k=k)
    rules = (most_likely, lambda x: temper(x, temperature=1.0), lambda x: nucleus(x, p=0.5))
    for rule in rules:
        with pytest.raises(ValueError, match="expected logarithms of probabilities"):
            rule(laws + 0.1)
        with pytest.raises(ValueError, match="expected logarithms of probabilities"):
            rule(torch.full((2, 3), torch.nan))
        for shape in ((0, 3), (2, 0), ()):
            with pytest.raises(ValueError, match="at least one law, got shape"):
                rule(torch.zeros(shape))
        with pytest.raises(TypeError, match="expected a floating-point tensor"):
            rule(torch.zeros(2, dtype=torch.int64))
        with pytest.raises(TypeError, match="expected a floating-point tensor, got list"):
            rule([0.0])


def test_the_callers_tensor_stays(laws):
    before = laws.clone()
    for rule in (most_likely, lambda x: temper(x, temperature=2.0), lambda x: nucleus(x, p=0.5)):
        rule(laws)
    assert torch.equal(laws, before)


@pytest.mark.parametrize("temperature", [1e-60, 1e60])
def test_temperatures_that_single_precision_cannot_say(temperature):
    """Kills: a temperature that is 0 or ∞ in float32: NaN for the best, or for the impossible."""
    log_p = torch.tensor([0.5, 0.3, 0.2, 0.0]).log().float()
    q = temper(log_p, temperature=temperature).exp()
    expected = [1.0, 0, 0, 0] if temperature < 1 else [1 / 3, 1 / 3, 1 / 3, 0]
    assert_close(q, torch.tensor(expected).float())


def test_a_nucleus_of_all_keeps_all():
    """Kills: symbols of probability e^-200, 0 in float32, that are lost with p = 1."""
    log_p = torch.tensor([0.0, -200.0, -1000.0]).float()
    assert_close(nucleus(log_p, p=1.0), log_p)


def test_a_thousand_rare_symbols_are_counted():
    """1 - p is what 209 of them have. Kills: each lost beside 1; a tolerance that is more."""
    log_p = torch.cat([torch.zeros(1), torch.full((1000,), -40.0)]).double()
    left = math.floor(2**-50 / math.exp(-40))
    assert left == 209
    assert (nucleus(log_p, p=1 - 2**-50) > -math.inf).sum() == 1 + 1000 - left
