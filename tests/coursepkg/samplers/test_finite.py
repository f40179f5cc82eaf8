import math

import pytest
import torch

from coursepkg.samplers import finite
from tests.statistics import assert_probs

WEATHER = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.2, 0.3, 0.5]])
CYCLE = torch.eye(3).roll(1, dims=1)  # 0 -> 1 -> 2 -> 0
PROPOSAL = torch.tensor([[0.1, 0.6, 0.3], [0.2, 0.0, 0.8], [0.5, 0.4, 0.1]])
TARGET = torch.tensor([0.5, 0.2, 0.3])
TABLE = torch.tensor([[0.4, 0.1, 0.05], [0.05, 0.1, 0.3]])


def two_states(a, b):
    return torch.tensor([[1 - a, a], [b, 1 - b]])


# stationary laws


@pytest.mark.equation("stationary-law")
def test_the_stationary_law_is_where_every_start_ends_and_the_eigenvector():
    """Kills: the right eigenvector for the left, a law that is not normalised."""
    pi = finite.stationary(WEATHER)
    torch.testing.assert_close(pi @ WEATHER, pi)
    torch.testing.assert_close(torch.linalg.matrix_power(WEATHER, 200), pi.expand(3, 3))
    values, vectors = torch.linalg.eig(WEATHER.T)
    vector = vectors[:, (values - 1).abs().argmin()].real
    torch.testing.assert_close(pi, vector / vector.sum())
    torch.testing.assert_close(finite.stationary(two_states(0.2, 0.6)), torch.tensor([0.75, 0.25]))


@pytest.mark.equation("stationary-law")
def test_there_is_one_stationary_law_for_each_closed_class():
    """State 2 drains into {0, 1} and into {3}. Kills: transient classes counted, open ones too."""
    P = torch.tensor([[0.5, 0.5, 0, 0], [0.9, 0.1, 0, 0], [0.2, 0.3, 0.3, 0.2], [0, 0, 0, 1.0]])
    assert sorted(finite.closed_classes(P)) == [[0, 1], [3]]
    with pytest.raises(ValueError, match=r"expected one stationary law, got several.*\[0, 1\]"):
        finite.stationary(P)
    P[3] = torch.tensor([0.0, 1e-9, 0.0, 1 - 1e-9])  # a way out, however narrow
    assert finite.closed_classes(P) == [[0, 1]]
    torch.testing.assert_close(finite.stationary(P), torch.tensor([9.0, 5.0, 0, 0]) / 14)


def test_a_stationary_law_in_single_precision():
    pi = finite.stationary(WEATHER.float())
    torch.testing.assert_close(pi, finite.stationary(WEATHER).float())


@pytest.mark.equation("detailed-balance")
def test_detailed_balance_is_enough_and_not_needed():
    """Erratum 002: a cycle, and a systematic sweep, keep a law and are not in balance with it."""
    uniform = torch.full((3,), 1 / 3)
    torch.testing.assert_close(uniform @ CYCLE, uniform)
    assert not finite.is_reversible(CYCLE, uniform)
    P = two_states(0.2, 0.6)
    assert finite.is_reversible(P, torch.tensor([0.75, 0.25]))
    assert not finite.is_reversible(P, torch.tensor([0.5, 0.5]))
    sweep, p = finite.systematic_gibbs(TABLE), TABLE.flatten()
    torch.testing.assert_close(p @ sweep, p)
    assert not finite.is_reversible(sweep, p)


@pytest.mark.equation("detailed-balance")
@pytest.mark.parametrize("seed", range(5))
def test_balance_of_each_pair_keeps_the_law_and_one_circulation_breaks_it(seed):
    """Kills: flows of the first state only, the sums over states in place of each pair."""
    generator = torch.Generator().manual_seed(seed)
    flow = torch.rand(4, 4, generator=generator)
    flow = (flow + flow.T) / (2 * flow.sum())  # π_i P_ij
    pi = flow.sum(1)
    torch.testing.assert_close(pi @ (flow / pi[:, None]), pi)
    assert finite.is_reversible(flow / pi[:, None], pi)
    flow[1:, 1:] += 0.01 * (CYCLE - CYCLE.T)  # round and round the last three
    torch.testing.assert_close(pi @ (flow / pi[:, None]), pi)
    assert not finite.is_reversible(flow / pi[:, None], pi)


# Metropolis–Hastings


@pytest.mark.equation("mh-ratio")
def test_metropolis_hastings_is_the_loop_written_out():
    """Kills: the ratio upside down, rejected mass that is lost."""
    P = finite.metropolis_hastings(PROPOSAL, 4 * TARGET)
    for i in range(3):
        for j in set(range(3)) - {i}:
            ratio = TARGET[j] * PROPOSAL[j, i] / (TARGET[i] * PROPOSAL[i, j])
            assert P[i, j].item() == pytest.approx((PROPOSAL[i, j] * min(1.0, ratio)).item())
    assert finite.is_reversible(P, TARGET)
    torch.testing.assert_close(finite.stationary(P), TARGET)
    assert P.diagonal().sum() < 2


@pytest.mark.equation("mh-ratio")
def test_the_printed_ratio_leaves_another_law_stationary():
    """Erratum 002, Metropolis–Hastings: p(a*) q(a_k → a*) over p(a_k) q(a* → a_k)."""
    away = ~torch.eye(3, dtype=torch.bool)
    printed = torch.where(away, (TARGET * PROPOSAL) / (TARGET[:, None] * PROPOSAL.T), 1.0)
    P = finite.accept_or_stay(PROPOSAL, printed.clamp_max(1))
    assert (TARGET @ P - TARGET).abs().max() > 0.1
    assert (finite.stationary(P) - TARGET).abs().max() > 0.1
    symmetric = torch.full((3, 3), 0.4) - 0.2 * torch.eye(3)  # with which nobody notices
    same = finite.accept_or_stay(symmetric, (TARGET / TARGET[:, None]).clamp_max(1))
    torch.testing.assert_close(same, finite.metropolis_hastings(symmetric, TARGET))


def test_a_proposal_without_a_way_back_is_never_accepted():
    P = finite.metropolis_hastings(CYCLE, TARGET)
    assert torch.equal(P, torch.eye(3))


# Gibbs


@pytest.mark.equation("gibbs-update")
@pytest.mark.parametrize("d", [0, 1])
def test_an_update_redraws_one_variable_given_the_other(d):
    """Kills: the conditional of the other variable, cells in another order."""
    P = finite.gibbs_update(TABLE, d)
    for i in range(6):
        for j in range(6):
            old, new = divmod(i, 3), divmod(j, 3)
            total = TABLE[:, old[1]].sum() if d == 0 else TABLE[old[0]].sum()
            expected = TABLE[new] / total if old[1 - d] == new[1 - d] else 0.0
            assert P[i, j].item() == pytest.approx(float(expected))
    assert finite.is_reversible(P, TABLE.flatten())


@pytest.mark.equation("gibbs-update")
def test_scans_of_three_variables():
    """Kills: the variables in another order, their sum for their mean."""
    table = torch.rand(2, 3, 2, generator=torch.Generator().manual_seed(0)) + 0.05
    updates = [finite.gibbs_update(table, d) for d in range(3)]
    p = table.flatten() / table.sum()
    sweep, scan = finite.systematic_gibbs(table), finite.random_scan_gibbs(table)
    law = torch.eye(12)[5]
    torch.testing.assert_close(law @ sweep, ((law @ updates[0]) @ updates[1]) @ updates[2])
    torch.testing.assert_close(scan, (updates[0] + updates[1] + updates[2]) / 3)
    torch.testing.assert_close(finite.stationary(sweep), p)
    torch.testing.assert_close(finite.stationary(scan), p)
    assert finite.is_reversible(scan, p)


# how fast


@pytest.mark.equation("spectral-gap")
@pytest.mark.parametrize(("a", "b"), [(0.2, 0.6), (0.9, 0.8), (0.05, 0.01)])
def test_two_states_forget_at_the_rate_of_their_second_eigenvalue(a, b):
    """λ₂ = 1 - a - b, of either sign. Kills: the gap of the signed value, an L1 not halved."""
    P, start = two_states(a, b), torch.tensor([1.0, 0.0])
    assert finite.spectral_gap(P) == pytest.approx(1 - abs(1 - a - b))
    distance = finite.total_variation(P, start, steps=10)
    expected = a / (a + b) * abs(1 - a - b) ** torch.arange(11.0)
    torch.testing.assert_close(distance, expected)


@pytest.mark.equation("total-variation")
def test_total_variation_is_the_largest_difference_over_all_events():
    """Of five states: of three, the largest single difference is the same. Kills: no half."""
    P = torch.rand(5, 5, generator=torch.Generator().manual_seed(0)) + 2 * torch.eye(5)
    P, start = P / P.sum(1, keepdim=True), torch.tensor([0.1, 0.5, 0.0, 0.4, 0.0])
    distance, pi = finite.total_variation(P, start, steps=3), finite.stationary(P)
    events = [[i for i in range(5) if event >> i & 1] for event in range(32)]
    for t in range(4):
        law = start @ torch.linalg.matrix_power(P, t)
        largest = max((law[e].sum() - pi[e].sum()).abs().item() for e in events)
        assert distance[t].item() == pytest.approx(largest)


def promised(P, i, *, steps):
    """The bound on the distance at t = 0..steps from a start in state i."""
    pi = finite.stationary(P)
    rate = 1 - finite.spectral_gap(P)
    return 0.5 * ((1 - pi[i]) / pi[i]).sqrt() * rate ** torch.arange(steps + 1.0)


@pytest.mark.equation("spectral-gap")
@pytest.mark.parametrize("seed", range(5))
def test_a_reversible_chain_is_as_close_as_its_gap_promises(seed):
    """From every start, rare ones too. Kills: the prefactor upside down, one for all starts."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.tensor([0.01, 0.05, 0.24, 0.7]).double()
    proposal = torch.rand(4, 4, generator=generator, dtype=torch.float64)
    P = finite.metropolis_hastings(proposal / proposal.sum(1, keepdim=True), target)
    for i, start in enumerate(torch.eye(4, dtype=torch.float64)):
        distance = finite.total_variation(P, start, steps=40)
        assert (distance <= promised(P, i, steps=40) + 1e-12).all()


@pytest.mark.equation("spectral-gap")
@pytest.mark.parametrize("kept", [0.1, 0.7])
def test_the_bound_is_reached_from_a_state_with_half_of_the_mass(kept):
    """Stay, or draw from π. Kills: a half that is left out, or a gap that is too large."""
    pi = torch.tensor([0.2, 0.5, 0.3])
    P = kept * torch.eye(3) + (1 - kept) * pi
    distance = finite.total_variation(P, torch.eye(3)[1], steps=10)
    torch.testing.assert_close(distance, promised(P, 1, steps=10))


def test_a_cycle_has_a_law_and_never_comes_to_it():
    assert finite.spectral_gap(CYCLE) == pytest.approx(0, abs=1e-12)
    distance = finite.total_variation(CYCLE, torch.tensor([1.0, 0, 0]), steps=5)
    torch.testing.assert_close(distance, torch.full((6,), 2 / 3))
    assert finite.spectral_gap(torch.ones(1, 1)) == 1


@pytest.mark.equation("chain-step")
def test_simulated_chains_have_the_laws_of_the_powers(generator):
    """Kills: columns for rows, a path without its start."""
    start = torch.full((40_000,), 1)
    path = finite.simulate(WEATHER, start, steps=4, generator=generator)
    assert path.shape == (5, 40_000)
    assert torch.equal(path[0], start)
    for t in (1, 2, 4):
        assert_probs(path[t], torch.linalg.matrix_power(WEATHER, t)[1], detects=0.06)
    pairs = path[3] * 3 + path[4]
    law = torch.linalg.matrix_power(WEATHER, 3)[1][:, None] * WEATHER
    assert_probs(pairs, law.flatten(), detects=0.08)


# refused


@pytest.mark.parametrize(
    "P",
    [torch.ones(2, 3) / 3, torch.ones(3), torch.zeros(0, 0),
     *torch.tensor([[[1.2, -0.2], [0.5, 0.5]], [[0.5, 0.4], [0.5, 0.5]], [[math.nan, 1], [1, 0]]])],
)  # fmt: skip
def test_matrices_that_are_not_stochastic_are_refused(P):
    law = torch.ones(len(P)) / max(len(P), 1)
    for use in (
        finite.check_stochastic, finite.closed_classes, finite.stationary, finite.spectral_gap,
        lambda P: finite.is_reversible(P, law),
        lambda P: finite.accept_or_stay(P, P),
        lambda P: finite.metropolis_hastings(P, law),
        lambda P: finite.total_variation(P, law, steps=1),
        lambda P: finite.simulate(P, torch.zeros(1).long(), steps=1, generator=torch.Generator()),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="P: expected"):
            use(P)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: finite.accept_or_stay(WEATHER, 1.2 * torch.ones(3, 3)), "acceptance: expected"),
        (lambda: finite.accept_or_stay(WEATHER, -WEATHER), "acceptance: expected"),
        (lambda: finite.metropolis_hastings(WEATHER, torch.arange(3.0)), "target: expected"),
        (lambda: finite.metropolis_hastings(WEATHER, torch.ones(2)), "target: expected"),
        (lambda: finite.gibbs_update(-TABLE, 0), "table: expected"),
        (lambda: finite.gibbs_update(torch.tensor([[0.0, 1], [0, 1]]), 0), "table: expected"),
        (lambda: finite.total_variation(WEATHER, torch.ones(3), steps=1), "start: expected"),
        (lambda: finite.total_variation(WEATHER, torch.ones(1), steps=1), "start: expected"),
        (lambda: finite.simulate(WEATHER, torch.tensor([3]), steps=1, generator=torch.Generator()),
         "levels"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_refused(use, message):
    with pytest.raises(ValueError, match=message):
        use()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rare", [1e-6, 1e-12, 1e-20])
def test_rare_moves_count_as_they_should(rare, dtype):
    """What is missing from 1 is rounded away. Kills: I - P, 1 - |λ|, flows compared with 1."""
    P = torch.tensor([[1 - rare, rare], [2 * rare, 1 - 2 * rare]], dtype=dtype)
    pi = torch.tensor([2 / 3, 1 / 3], dtype=dtype)
    torch.testing.assert_close(finite.stationary(P), pi, rtol=1e-6, atol=0)
    assert finite.spectral_gap(P) == pytest.approx(3 * rare, rel=1e-6)
    assert finite.is_reversible(P, pi)
    cycle = torch.eye(3, dtype=dtype).roll(1, 1)
    P = (1 - rare) * torch.eye(3, dtype=dtype) + rare * cycle
    torch.testing.assert_close(finite.stationary(P), torch.full((3,), 1 / 3, dtype=dtype))
    assert not finite.is_reversible(P, torch.full((3,), 1 / 3, dtype=dtype))
    assert finite.spectral_gap(P) == pytest.approx(1.5 * rare, rel=1e-5)


def test_stationary_law_of_a_long_chain_of_births_and_deaths():
    """π_k ∝ 1e-4^k, down to 1e-76, each to the last digits. Kills: a linear solve."""
    K = 20
    P = torch.zeros(K, K)
    for k in range(K - 1):
        P[k, k + 1], P[k + 1, k] = 1e-5, 0.1
    P += torch.diag(1 - P.sum(1))
    expected = 1e-4 ** torch.arange(K)
    torch.testing.assert_close(finite.stationary(P), expected / expected.sum(), rtol=1e-12, atol=0)


def test_flows_that_underflow():
    """π_0 q_01 is 5e-39, 1e-48 the other way. Kills: ratios of products, 0 or NaN in float32."""
    proposal = torch.tensor([[0.5, 0.5], [1e-10, 1.0]], dtype=torch.float32)
    P = finite.metropolis_hastings(proposal, torch.tensor([1e-38, 2e-38], dtype=torch.float32))
    assert P[0, 1].item() == pytest.approx(2e-10, rel=1e-6)
    assert P[1, 0].item() == pytest.approx(1e-10, rel=1e-6)


def test_small_distances_in_single_precision():
    """|λ₂|ᵗ times the first. Kills: laws in float32, whose distance stops falling at 1e-8."""
    P = torch.tensor([[0.9, 0.1], [0.3, 0.7]])
    found = finite.total_variation(P.float(), torch.tensor([1.0, 0.0]).float(), steps=40)
    assert found.dtype == torch.float32
    assert found[-1].item() == pytest.approx(0.25 * 0.6**40, rel=1e-4)
