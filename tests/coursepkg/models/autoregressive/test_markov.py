import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.autoregressive.arm import ARM
from coursepkg.models.autoregressive.markov import MarkovChain
from tests.oracles import state_index, states
from tests.statistics import assert_probs

K, D = 3, 4


@pytest.fixture
def x(generator):
    return torch.randint(K, (30, D), generator=generator)


def conditional_by_counting(x, d, past, level, *, order, tied, smoothing):
    """Share of `level` among the places whose window equals that of x_d; from the words alone."""
    window = past[max(0, d - order) : d]
    hits, total = smoothing, smoothing * K
    for row in x.tolist():
        for e in range(D):
            same_start = min(e, order) == min(d, order)  # a short window is another context
            if same_start and (tied or e == d) and row[max(0, e - order) : e] == window:
                hits, total = hits + (row[e] == level), total + 1
    return hits / total


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 6])
@pytest.mark.parametrize("smoothing", [0.01, 0.5, 3])
@pytest.mark.equation("markov-order")
@pytest.mark.equation("markov-counts")
def test_log_prob_is_the_product_of_counted_shares(x, order, tied, smoothing):
    """Kills: start terms merged, a past cut at D - 1, smoothing once a row, places mixed up."""
    chain = MarkovChain(order, dim=D, levels=K, tied=tied, smoothing=smoothing).fit(x)
    some = states(K, D)[::7]
    expected = torch.ones(len(some))
    for i, row in enumerate(some.tolist()):
        for d in range(D):
            expected[i] *= conditional_by_counting(
                x, d, row, row[d], order=order, tied=tied, smoothing=smoothing
            )
    assert_close(chain.log_prob(some), expected.log())


@pytest.mark.parametrize(("order", "tied"), [(0, True), (0, False), (1, True), (2, False)])
def test_probabilities_sum_to_one(x, order, tied):
    """Kills: log-softmax over contexts instead of levels."""
    chain = MarkovChain(order, dim=D, levels=K, tied=tied, smoothing=0.1).fit(x)
    assert_close(chain.log_prob(states(K, D)).exp().sum(), torch.tensor(1.0))


@pytest.mark.equation("markov-counts")
def test_counts_are_the_maximum_of_the_likelihood(x):
    """Autograd: on the simplex, the likelihood's gradient vanishes at the counted table."""
    chain = MarkovChain(2, dim=D, levels=K, smoothing=0).fit(x)
    logits = chain.table.clone().clamp_min(-50).requires_grad_()
    chain.table = logits.log_softmax(-1)
    chain.log_prob(x).sum().backward()
    assert_close(logits.grad, torch.zeros_like(logits), atol=1e-8, rtol=0)
    chain.table = (logits.detach() + 0.3 * torch.eye(K)[0]).log_softmax(-1).requires_grad_()
    (slope,) = torch.autograd.grad(chain.log_prob(x).sum(), chain.table)
    assert slope.abs().max() > 1  # the test can see a slope


def test_full_order_reproduces_the_data(x):
    """With a window as long as the past, the fitted law is the empirical one."""
    chain = MarkovChain(D - 1, dim=D, levels=K, smoothing=0).fit(x)
    frequency = torch.bincount(state_index(x, K), minlength=K**D) / len(x)
    assert_close(chain.log_prob(states(K, D)).exp(), frequency)


def test_before_fit_all_is_uniform():
    chain = MarkovChain(1, dim=D, levels=K, smoothing=1)
    assert_close(chain.log_prob(states(K, D)).exp(), torch.full((K**D,), 1 / K**D))


@pytest.mark.parametrize("tied", [True, False])
def test_samples_follow_the_enumerated_law(x, tied, generator):
    """Kills: sampling x_d from the conditional of its neighbour."""
    chain = MarkovChain(2, dim=D, levels=K, tied=tied, smoothing=0.1).fit(x)
    draws = chain.sample(60_000, generator=generator)
    assert_probs(state_index(draws, K), chain.log_prob(states(K, D)).exp(), detects=0.1)


def test_a_new_transition_is_impossible_without_smoothing(x):
    chain = MarkovChain(0, dim=D, levels=K + 1, smoothing=0).fit(x)
    assert chain.log_prob(torch.full((1, D), K)).item() == -torch.inf


def test_is_a_network_for_an_arm(x):
    chain = MarkovChain(1, dim=D, levels=K, smoothing=1).fit(x)
    arm = ARM(chain, dim=D, levels=K)
    assert_close(arm.log_prob(x), chain.log_prob(x))


def test_state_dict_round_trip(x):
    chain = MarkovChain(1, dim=D, levels=K, tied=False, smoothing=1).fit(x)
    copy = MarkovChain(1, dim=D, levels=K, tied=False, smoothing=1)
    copy.load_state_dict(chain.state_dict())
    assert torch.equal(copy.log_prob(x), chain.log_prob(x))


@pytest.mark.parametrize(
    ("order", "dim", "levels", "smoothing"),
    [
        (-1, 4, 3, 1),
        (1, 0, 3, 1),
        (1, 4, 1, 1),
        (1, 4, 3, -1),
        (1, 4, 3, float("nan")),
        (7, 4, 17, 1),
    ],
)
def test_impossible_parameters_are_refused(order, dim, levels, smoothing):
    with pytest.raises(ValueError, match="expected"):
        MarkovChain(order, dim=dim, levels=levels, smoothing=smoothing)


@pytest.mark.parametrize("method", ["fit", "log_prob"])
def test_bad_levels_are_refused(method):
    chain = MarkovChain(1, dim=D, levels=K, smoothing=1)
    with pytest.raises(ValueError, match=r"expected shape \(B, 4\)"):
        getattr(chain, method)(torch.zeros(2, 5, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"levels 0\.\.2"):
        getattr(chain, method)(torch.full((2, D), K))
    with pytest.raises(TypeError, match="integer levels"):
        getattr(chain, method)(torch.zeros(2, D))


def test_a_pseudo_count_that_single_precision_cannot_say():
    """Kills: 1e-50, which float32 makes 0, and the logarithm of a new transition -∞."""
    torch.set_default_dtype(torch.float32)
    try:
        chain = MarkovChain(0, dim=1, levels=2, smoothing=1e-50).fit(torch.tensor([[0], [0]]))
        found = chain.log_prob(torch.tensor([[1]])).item()
        assert found == pytest.approx(math.log(1e-50 / 2), rel=1e-6)
    finally:
        torch.set_default_dtype(torch.float64)
