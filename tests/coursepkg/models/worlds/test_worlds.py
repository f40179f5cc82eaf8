"""Worlds: plans against linear programs and all policies, counts against a loop, both cures."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from scipy.stats import binom

from coursepkg.models.worlds import (
    Experience,
    World,
    counted,
    distrustful,
    grid_world,
    q_learning,
    value_iteration,
    value_of_policy,
    wander,
    with_moves,
)
from coursepkg.models.worlds.grid import check_world
from coursepkg.rng import seeded
from tests.statistics import ALPHA

PLAN = ["S.G", "#.P"]
WIDE = ["S...G", ".#.P.", "....."]


def random_world(seed, S=4, A=3):
    generator = seeded(seed)
    P = torch.rand(S, A, S, generator=generator).pow(3)
    reward = torch.randn(S, A, S, generator=generator)
    return World(P / P.sum(-1, keepdim=True), reward)


def slow_value(world, policy, discount, steps=400):
    """The discounted sum of mean rewards, step by step."""
    S = len(policy)
    law, total = torch.eye(S), torch.zeros(S)
    for t in range(steps):
        for s in range(S):
            a = policy[s]
            for s_next in range(S):
                total += (discount**t * law[:, s] * world.P[s, a, s_next]
                          * world.reward[s, a, s_next])  # fmt: skip
        law = law @ torch.stack([world.P[s, policy[s]] for s in range(S)])
    return total


def by_linear_program(world, discount):
    """min Σ V(s) under V(s) >= r(s, a) + γ Σ p V for all s and a."""
    S, A, _ = world.P.shape
    rows = [discount * world.P[s, a] - torch.eye(S)[s] for s in range(S) for a in range(A)]
    bound = [-(world.P[s, a] @ world.reward[s, a]) for s in range(S) for a in range(A)]
    A_ub, b_ub = torch.stack(rows).numpy(), torch.stack(bound).numpy()
    found = linprog([1.0] * S, A_ub, b_ub, bounds=(None, None))
    return torch.tensor(found.x)


# --- the grid ----------------------------------------------------------------------------------


@pytest.mark.equation("grid-moves")
def test_a_move_by_hand():
    """Cells S . G / . P, numbered 0 to 4. Kills: left for right, walls that one walks through."""
    place = grid_world(PLAN, slip=0.2, cost=0.02)
    P, reward = place.world
    assert place.cells.tolist() == [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2]]
    assert place.start == 0
    assert place.ends.tolist() == [False, False, True, False, True]
    torch.testing.assert_close(P[0, 1], torch.tensor([0.2, 0.8, 0, 0, 0]))  # right; both slips bump
    torch.testing.assert_close(P[0, 0], torch.tensor([0.9, 0.1, 0, 0, 0]))  # up bumps
    torch.testing.assert_close(P[1, 1], torch.tensor([0, 0.1, 0.8, 0.1, 0]))
    torch.testing.assert_close(P[1, 2], torch.tensor([0.1, 0, 0.1, 0.8, 0]))
    torch.testing.assert_close(P[3, 3], torch.tensor([0, 0.1, 0, 0.9, 0]))
    assert P[2].tolist() == P[2, 0].expand(4, 5).tolist() == [[0, 0, 1, 0, 0]] * 4
    assert reward[1, 0].tolist() == pytest.approx([-0.02, -0.02, 0.98, -0.02, -1.02])
    assert (reward[[2, 4]] == 0).all()
    assert place.beside.tolist() == [[0, 1, 0, 0], [1, 2, 3, 0], [2, 2, 4, 1], [1, 4, 3, 3],
                                     [2, 4, 4, 3]]  # fmt: skip


@pytest.mark.parametrize("slip", [0.0, 0.3, 1.0])
def test_every_move_is_a_law(slip):
    """Kills: shares that do not sum to one, moves of two cells."""
    place = grid_world(WIDE, slip=slip)
    check_world(place.world)
    away = (place.cells[:, None] - place.cells[None]).abs().sum(-1)
    assert (away[:, None].expand_as(place.world.P)[place.world.P > 0] <= 1).all()


# --- planning ----------------------------------------------------------------------------------


@pytest.mark.equation("policy-value")
@pytest.mark.parametrize("seed", range(3))
def test_the_value_of_a_policy_is_its_discounted_sum(seed):
    """Against a loop over steps. Kills: γ twice, the transposed law, rewards of other actions."""
    world, policy = random_world(seed), torch.randint(3, (4,), generator=seeded(seed))
    torch.testing.assert_close(
        value_of_policy(world, policy, discount=0.8), slow_value(world, policy, 0.8, steps=150)
    )


@pytest.mark.equation("bellman-optimality")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("discount", [0.0, 0.5, 0.9])
def test_the_plan_beats_all_policies_and_solves_the_linear_program(seed, discount):
    """All 81 policies. Kills: min for max, a γ forgotten, a policy of the worst action."""
    world = random_world(seed)
    plan = value_iteration(world, discount=discount, tolerance=1e-9)
    values = torch.stack([
        value_of_policy(world, torch.tensor(policy), discount=discount)
        for policy in product(range(3), repeat=4)
    ])  # fmt: skip
    torch.testing.assert_close(plan.value, values.max(0).values)
    torch.testing.assert_close(plan.value, value_of_policy(world, plan.policy, discount=discount))
    torch.testing.assert_close(plan.value, by_linear_program(world, discount))
    torch.testing.assert_close(plan.q.max(1).values, plan.value)


@pytest.mark.equation("value-iteration-error")
@pytest.mark.parametrize("tolerance", [1.0, 0.1, 1e-3])
def test_the_error_is_at_most_what_was_asked(tolerance):
    """And the promise is not empty: the plan of 1e-9 is closer. Kills: a stop at the change."""
    for seed in range(10):
        world = random_world(seed)
        exact = value_iteration(world, discount=0.95, tolerance=1e-10).value
        rough = value_iteration(world, discount=0.95, tolerance=tolerance).value
        assert 0 < (rough - exact).abs().max() <= tolerance


@pytest.mark.equation("simulation-lemma")
def test_the_error_of_a_model_in_values():
    """V - V̂ = (I - γ P)⁻¹ (r - r̂ + γ (P - P̂) V̂), and its bound. Kills: P and P̂ exchanged."""
    for seed in range(5):
        world, model = random_world(seed), random_world(seed + 50)
        policy, states = torch.tensor([0, 2, 1, 1]), torch.arange(4)
        v, v_hat = (value_of_policy(each, policy, discount=0.9) for each in (world, model))
        P, P_hat = world.P[states, policy], model.P[states, policy]
        r, r_hat = (each.mean_reward[states, policy] for each in (world, model))
        error = r - r_hat + 0.9 * (P - P_hat) @ v_hat
        torch.testing.assert_close(v - v_hat, torch.linalg.inv(torch.eye(4) - 0.9 * P) @ error)
        assert (v - v_hat).abs().max() <= error.abs().max() / (1 - 0.9) + 1e-9


# --- experience --------------------------------------------------------------------------------


def exact(place, states, times):
    """From each state by each action `times` steps, in the very proportions of the law: no luck."""
    rows = [
        (s, a, s_next)
        for s in states for a in range(4) for s_next, p in enumerate(place.world.P[s, a].tolist())
        for _ in range(round(times * p))
    ]  # fmt: skip
    assert len(rows) == 4 * len(states) * times  # the law has these proportions
    s, a, s_next = torch.tensor(rows).T
    return Experience(s, a, place.world.reward[s, a, s_next], s_next, place.ends[s_next])


def test_wandering_follows_the_law(generator):
    """Each pair (s, a) draws from one list of i.i.d. next states, and stops after k <= N of them.

    False alarm at most ALPHA: half of it for the four actions, binomial with N trials; half for m
    entries of the law and N values of k, each binomial with k trials, so ALPHA / 2 m N for each
    (Bonferroni over k makes the random k harmless). Power: an entry that had the law of the next
    action would pass with less than ALPHA.
    Kills: a start in the end, actions that are not uniform, the law of another action.
    """
    place, N = grid_world(WIDE, slip=0.4), 20_000
    seen, P = wander(place, N, generator=generator), place.world.P
    n = torch.zeros_like(P)
    for s, a, s_next in zip(seen.s, seen.a, seen.s_next, strict=True):
        n[s, a, s_next] += 1
    chance = (P > 0) & (P < 1) & (n.sum(-1, keepdim=True) > 0)
    k, p = n.sum(-1, keepdim=True).expand_as(P)[chance].numpy(), P.double()[chance].numpy()
    each = ALPHA / (2 * len(p) * N)
    low, high = binom.ppf(each / 2, k, p), binom.isf(each / 2, k, p)
    found = n[chance].numpy()
    assert (low <= found).all()
    assert (found <= high).all()
    other = P.roll(1, dims=1).double()[chance].numpy()
    assert (binom.cdf(high, k, other) - binom.cdf(low - 1, k, other)).min() < ALPHA
    assert (n[P == 0] == 0).all()
    of_actions = n.sum((0, 2)).numpy()
    assert (binom.ppf(ALPHA / 16, N, 1 / 4) <= of_actions).all()
    assert (of_actions <= binom.isf(ALPHA / 16, N, 1 / 4)).all()
    assert seen.s[0] == place.start
    assert not place.ends[seen.s].any()
    assert torch.equal(seen.ended, place.ends[seen.s_next])
    assert torch.equal(seen.reward, place.world.reward[seen.s, seen.a, seen.s_next])
    begins = torch.cat([torch.tensor([True]), seen.s[1:] != seen.s_next[:-1]])
    assert (seen.s[begins] == place.start).all()
    assert (seen.s[1:][seen.ended[:-1]] == place.start).all()
    assert seen.ended.any()


def test_patience_ends(generator):
    """Without an end in reach one begins anew after so many steps. Kills: walks without end."""
    seen = wander(grid_world(["S......"], slip=0.0), 700, patience=7, generator=generator)
    assert (seen.s[::7] == 0).all()
    assert (seen.s > 1).any()


SEEN = Experience(
    torch.tensor([0, 0, 0, 1]), torch.tensor([1, 1, 1, 0]), torch.tensor([0.5, 0.5, -1.0, 2.0]),
    torch.tensor([1, 1, 0, 2]), torch.tensor([False, False, False, True]),
)  # fmt: skip


@pytest.mark.equation("counted-world")
def test_counts_by_hand():
    """n(0, 1, ·) = 1, 2, 0 of 3, with α = 3 spread over three states: 2/6, 3/6, 1/6.

    Kills: the prior's share forgotten below, states and actions exchanged, ends that go on.
    """
    world = counted(SEEN, 3, 2, strength=3.0)
    torch.testing.assert_close(world.P[0, 1], torch.tensor([2 / 6, 3 / 6, 1 / 6]))
    torch.testing.assert_close(world.P[0, 0], torch.full((3,), 1 / 3))
    torch.testing.assert_close(world.P[1, 0], torch.tensor([1 / 4, 1 / 4, 2 / 4]))
    assert world.P[2].tolist() == [[0, 0, 1]] * 2
    assert world.reward[0, 0].tolist() == world.reward[1, 1].tolist() == [-1, 0.5, 2]
    assert (world.reward[2] == 0).all()
    check_world(world)


@pytest.mark.equation("distrustful-world")
def test_doubt_by_hand():
    """Q = n/(n + α) (r̂ + γ Σ p̂ V) + γ α/(n + α) v. Kills: α and n exchanged, v paid each step."""
    world = distrustful(SEEN, 3, 2, strength=3.0, value=-2.0, discount=0.9)
    check_world(world)
    torch.testing.assert_close(world.P[0, 1], torch.tensor([1 / 6, 2 / 6, 0, 3 / 6]))
    torch.testing.assert_close(world.P[0, 0], torch.tensor([0, 0, 0, 1.0]))
    plan = value_iteration(world, discount=0.9, tolerance=1e-9)
    assert plan.value[3].item() == pytest.approx(-2)
    V = plan.value
    arrive = torch.tensor([-1, 0.5, 2])
    tried = 3 / 6 * (torch.tensor([1, 2, 0]) / 3) @ (arrive + 0.9 * V[:3])
    assert plan.q[0, 1].item() == pytest.approx((tried + 0.9 * 3 / 6 * -2).item())
    assert plan.q[0, 0].item() == pytest.approx(0.9 * -2)
    assert plan.q[2].tolist() == pytest.approx([0, 0])


def test_doubt_repels_or_attracts():
    """An action that nobody tried beside one that pays. Kills: optimism and pessimism exchanged."""
    low, high = (
        value_iteration(
            distrustful(SEEN, 3, 2, strength=1.0, value=v, discount=0.9), discount=0.9
        ).policy[1].item()
        for v in (-9.0, 9.0)
    )  # fmt: skip
    assert (low, high) == (0, 1)


def test_counts_of_much_experience_are_the_world(generator):
    """Each entry is off by at most ε(k) and what the prior moves, with k the steps of its pair.

    Hoeffding: P(|f_k - p| >= ε) <= 2 exp(-2 k ε²); with ε(k) = √(log(2 m N / ALPHA) / 2 k) all m
    entries hold for all k <= N with probability 1 - ALPHA. Power: an entry that is off by twice
    that, here less than the 0.7 of a move, is noticed with probability 1 - ALPHA.
    Kills: a model of other states, rewards of other cells.
    """
    place, N, strength = grid_world(WIDE, slip=0.3), 20_000, 0.1
    S, law = len(place.cells), place.world.P
    seen = wander(place, N, generator=generator)
    k = torch.zeros(S, 4).index_put((seen.s, seen.a), torch.ones(N), accumulate=True)
    tried = k > 0
    envelope = (math.log(2 * law.numel() * N / ALPHA) / (2 * k[tried])).sqrt()
    envelope += strength / (k[tried] + strength)
    assert 2 * envelope.median() < 0.7
    arrived = seen.s_next.unique()
    for model in (
        counted(seen, S, 4, strength=strength),
        distrustful(seen, S, 4, strength=strength, value=-1.0, discount=0.9),
    ):
        check_world(model)
        error = (model.P[:S, :, :S] - law).abs().amax(-1)[tried]
        assert (error <= envelope).all()
        torch.testing.assert_close(model.reward[0, 0, arrived], place.world.reward[0, 0, arrived])


def test_the_network_of_moves_is_the_law_of_exact_experience(generator):
    """Nothing is drawn but the initial weights: the best fit is the law itself.

    The tolerance is half of the smallest share of the law, 0.1: a share that goes to another cell
    is noticed.   Kills: a network that is told of other walls, rewards of other cells.
    """
    place = grid_world(WIDE, slip=0.2)
    inside = (~place.ends).nonzero()[:, 0].tolist()
    seen = exact(place, inside, times=10)
    model = with_moves(place, seen, generator=generator)
    check_world(model)
    torch.testing.assert_close(model.P, place.world.P, atol=0.05, rtol=0)
    arrived = seen.s_next.unique()
    torch.testing.assert_close(model.reward[0, 0, arrived], place.world.reward[0, 0, arrived])


def test_the_network_speaks_of_cells_where_nobody_was(generator):
    """Of a corridor only the first six cells were seen, in the law's proportions.

    The tolerance is that of the test above.   Kills: a law for each cell of its own.
    """
    place = grid_world(["S............G"], slip=0.2)
    found = with_moves(place, exact(place, range(6), times=10), generator=generator)
    torch.testing.assert_close(found.P[6:12], place.world.P[6:12], atol=0.05, rtol=0)


# --- without a model ---------------------------------------------------------------------------


@pytest.mark.equation("q-learning")
def test_q_learning_by_hand():
    """Rates 1, 2^-0.6, 3^-0.6; Q(1, 0) is 0 until the last step, which ends.

    Kills: a rate of all steps, a value after the end, max over states.
    """
    q = q_learning(SEEN, 3, 2, discount=0.9)
    q01 = 0.5
    q01 += (-1.0 + 0.9 * q01 - q01) * 3**-0.6
    assert q[0, 1].item() == pytest.approx(q01)
    assert q[1, 0].item() == 2
    assert q[[0, 1, 2, 2], [0, 1, 0, 1]].tolist() == [0] * 4
    twice = q_learning(SEEN, 3, 2, discount=0.9, passes=2)
    for n, (reward, best) in enumerate([(0.5, 2.0), (0.5, 2.0), (-1.0, None)], start=4):
        target = reward + 0.9 * (max(q01, 0) if best is None else best)
        q01 += (target - q01) / n**0.6
    assert twice[0, 1].item() == pytest.approx(q01)


def test_nothing_follows_an_end():
    """Also where steps begin in the very place: its value is not added. Kills: a value after it."""
    seen = Experience(
        torch.tensor([1, 0]), torch.tensor([0, 0]), torch.tensor([5.0, 1.0]), torch.tensor([2, 1]),
        torch.tensor([True, True]),
    )  # fmt: skip
    assert q_learning(seen, 3, 1, discount=0.9)[:, 0].tolist() == [1, 5, 0]
    goes_on = seen._replace(ended=torch.tensor([True, False]))
    assert q_learning(goes_on, 3, 1, discount=0.9)[0, 0].item() == pytest.approx(1 + 0.9 * 5)


def test_replayed_q_learning_is_the_plan_of_the_counts():
    """Experience gone through for ever gives the plan of the world that was counted, α -> 0.

    No luck: the experience has the proportions of the law, so that its counts are the world. The
    bound is derived. Let e be the error at pair i, w its target's deviation from the mean under the
    true values, and start anew after half of the passes, where |e| <= 2 max|r| / (1 - γ). Split e
    into Y <- (1 - η) Y + η w, begun at 0, and the rest D. The weights of the w in Y grow with time,
    so by Abel |Y| <= η times the largest sum of consecutive w, which a pass bounds, as it sums to
    0. The rest tends to γ sup|Y| / (1 - γ), and what it has beyond that shrinks in each pass by
    1 - (1 - γ)(1 - (1 - η)^c), c being the tries of a pair in a pass.
    Kills: a model and a method that differ in more than the model.
    """
    place, discount, power, passes, c = grid_world(PLAN, slip=0.5), 0.5, 0.75, 6000, 4
    inside = (~place.ends).nonzero()[:, 0].tolist()
    seen = exact(place, inside, times=c)
    plan = value_iteration(place.world, discount=discount, tolerance=1e-6)
    w = seen.reward + discount * plan.value[seen.s_next] - plan.q[seen.s, seen.a]
    sums = w.view(-1, c).cumsum(1)  # pair by pair, as `exact` has them
    torch.testing.assert_close(sums[:, -1], torch.zeros(len(sums)), atol=1e-5, rtol=0)
    largest = (sums.amax(1).clamp_min(0) - sums.amin(1).clamp_max(0)).max().item()
    rate = (c * np.arange(passes // 2, passes + 1.0)) ** -power
    left = np.prod(1 - (1 - discount) * (1 - (1 - rate[1:]) ** c))
    bound = rate[0] * largest / (1 - discount)
    bound += left * 2 * seen.reward.abs().max().item() / (1 - discount)
    q = q_learning(seen, 5, 4, discount=discount, passes=passes, power=power)
    assert (q - plan.q).abs().max() <= bound + 1e-5  # rounding
    assert 2 * bound < (plan.q.amax(1) - plan.q.amin(1)).max()  # power: a worst action for a best
    alike = value_iteration(counted(seen, 5, 4, strength=1e-6), discount=discount)
    torch.testing.assert_close(alike.q[inside], plan.q[inside], atol=1e-4, rtol=0)


# --- what is refused ---------------------------------------------------------------------------

GOOD = random_world(0)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: grid_world(["S.", "..."]), "plan: expected rows of one length, got"),
        (lambda: grid_world([]), "plan: expected rows of one length, got"),
        (lambda: grid_world(["S?"]), "plan: expected .* got \\['\\?'\\]"),
        (lambda: grid_world(["SS"]), 'expected one start "S", got 2'),
        (lambda: grid_world(["S"], slip=1.1), "slip: expected a probability, got 1.1"),
        (lambda: grid_world(["S"], cost=-1), "cost: expected a finite number >= 0, got -1"),
        (lambda: value_iteration(GOOD, discount=1.0), "expected 0 <= discount < 1, got 1.0"),
        (lambda: value_iteration(GOOD, discount=0.5, tolerance=0), "tolerance: expected a finite"),
        (lambda: value_iteration(World(GOOD.P + 1, GOOD.reward), discount=0.5), "P: expected prob"),
        (lambda: value_iteration(World(GOOD.P[0], GOOD.reward), discount=0.5), "P: expected shape"),
        (lambda: value_iteration(World(GOOD.P, GOOD.reward[:2]), discount=0.5), "reward: expected"),
        (
            lambda: value_iteration(World(GOOD.P / 0, GOOD.reward), discount=0.5),
            "P: expected finit",
        ),
        (
            lambda: value_of_policy(GOOD, torch.tensor([0, 1, 2, 3]), discount=0.5),
            "policy: expected 4",
        ),
        (lambda: value_of_policy(GOOD, torch.tensor([0, 1]), discount=0.5), "policy: expected 4"),
        (
            lambda: counted(SEEN, 2, 2, strength=1),
            "s_next: expected 0 to 1, got values from 0 to 2",
        ),
        (lambda: counted(SEEN, 3, 1, strength=1), "a: expected 0 to 0, got"),
        (lambda: counted(SEEN, 3, 2, strength=0), "strength: expected a finite number > 0, got 0"),
        (lambda: counted(SEEN._replace(a=SEEN.a[:2]), 3, 2, strength=1), "seen: expected N >= 1"),
        (lambda: distrustful(SEEN, 3, 2, strength=1, value=0, discount=1), "discount: expected"),
        (lambda: q_learning(SEEN, 3, 2, discount=0.9, passes=0), "passes >= 1, got 0.9, 0.6 and 0"),
        (lambda: q_learning(SEEN, 3, 2, discount=0.9, power=0.5), "0.5 < power <= 1"),
        (
            lambda: wander(grid_world(["S"]), 0, generator=seeded(0)),
            "steps: expected a finite number",
        ),
    ],
)
def test_what_is_impossible_is_refused(call, complaint):
    with pytest.raises(ValueError, match=complaint):
        call()


def told(**change):
    """A short walk of which something is changed, and its house."""
    place = grid_world(["S..G"])
    return place, wander(place, 20, generator=seeded(0))._replace(**change)


@pytest.mark.parametrize(
    ("change", "error", "complaint"),
    [
        ({"ended": torch.ones(20, dtype=torch.int64)}, TypeError, "ended: expected a bool tensor"),
        ({"reward": torch.ones(20, dtype=torch.int64)}, TypeError, "reward: expected a floating"),
        ({"reward": torch.full((20,), math.nan)}, ValueError, "reward: expected finite"),
        ({"reward": torch.ones(20, 1)}, ValueError, "seen: expected N >= 1 steps"),
        ({"s": torch.zeros(20)}, TypeError, "s: expected an int64 tensor, got dtype"),
        ({"s_next": torch.full((20,), 4)}, ValueError, "s_next: expected 0 to 3, got values"),
    ],
)
def test_no_method_learns_from_what_is_no_experience(change, error, complaint):
    """Kills: ends of 0 and 1 that are taken for places, whole rewards that make a law of zeros."""
    place, seen = told(**change)
    for learn in (
        lambda: counted(seen, 4, 4, strength=1.0),
        lambda: distrustful(seen, 4, 4, strength=1.0, value=-1.0, discount=0.9),
        lambda: q_learning(seen, 4, 4, discount=0.9),
        lambda: with_moves(place, seen, steps=1, generator=seeded(0)),
    ):
        with pytest.raises(error, match=complaint):
            learn()


def test_the_network_refuses_steps_of_another_house():
    """Two cells at once, once or always, and nothing. Kills: what fits nowhere is a step up."""
    place, seen = told()
    far = seen._replace(s_next=(seen.s + 2) % 4)
    with pytest.raises(ValueError, match="expected steps to cells beside, got 20 others"):
        with_moves(place, far, steps=1, generator=seeded(0))
    one = seen._replace(s_next=torch.cat([far.s_next[:1], seen.s_next[1:]]))
    with pytest.raises(ValueError, match="expected steps to cells beside, got 1 others"):
        with_moves(place, one, steps=1, generator=seeded(0))
    with pytest.raises(ValueError, match="seen: expected N >= 1 steps"):
        with_moves(place, Experience(*(part[:0] for part in seen)), generator=seeded(0))
    with pytest.raises(ValueError, match="steps: expected a finite number > 0, got 0"):
        with_moves(place, seen, steps=0, generator=seeded(0))


@pytest.mark.parametrize("dtype", [torch.bool, torch.float32, torch.int32])
def test_a_policy_names_actions(dtype):
    """Kills: a mask for a policy: True picks rows, and a value of something else comes back."""
    with pytest.raises(TypeError, match="policy: expected an int64 tensor, got dtype"):
        value_of_policy(GOOD, torch.ones(4, dtype=dtype), discount=0.5)


def test_a_string_is_no_plan():
    """Kills: a plan of one row that is read as a column."""
    with pytest.raises(TypeError, match="plan: expected a sequence of rows, got the single string"):
        grid_world("S.G")


@pytest.mark.parametrize("plan", [["S"], ["S."], ["S.P"]])
def test_a_world_without_a_goal(plan):
    """Who can only pay waits: -0.02 / (1 - γ). Kills: a world that needs an end or a goal."""
    place = grid_world(plan)
    plan_ = value_iteration(place.world, discount=0.9)
    assert plan_.value[0].item() == pytest.approx(-0.2, abs=1e-5)
    seen = wander(place, 30, generator=seeded(0))
    S = len(place.cells)
    for model in (counted(seen, S, 4, strength=1.0),
                  with_moves(place, seen, steps=1, generator=seeded(0))):  # fmt: skip
        check_world(model)


def far_sighted(dtype):
    """A loop that pays 1 and one that pays 0, 1e-7 rounds from each other."""
    P = torch.zeros(2, 2, 2, dtype=dtype)
    P[:, 0, 0], P[:, 1, 1] = 1, 1
    reward = torch.zeros(2, 2, 2, dtype=dtype)
    reward[:, 0] = 0.1
    return World(P, reward)


def test_far_sight_in_single_precision_ends():
    """γ = 0.999: values of 100, within 1e-6. Kills: float32, where the change never gets there."""
    plan = value_iteration(far_sighted(torch.float32), discount=0.999)
    assert plan.value.dtype == plan.q.dtype == torch.float32
    torch.testing.assert_close(plan.value.double(), torch.full((2,), 100.0), rtol=1e-6, atol=0)


def test_sight_without_end_says_what_is_wrong():
    """Kills: thirty thousand million sweeps."""
    world = far_sighted(torch.float64)
    with pytest.raises(ValueError, match="discount: expected one with which 1,000,000 sweeps"):
        value_iteration(world, discount=1 - 1e-9)


def test_a_policy_of_far_sight_in_single_precision():
    """0.1 / (1 - γ), also where rows sum to 1 + 6e-8. Kills: I - γP in float32, singular."""
    P = torch.tensor([[[0.1, 0.2, 0.7]]] * 3).float()
    world = World(P, torch.full((3, 1, 3), 0.1).float())
    for far in (1e-6, 1e-9):
        value = value_of_policy(world, torch.zeros(3, dtype=torch.int64), discount=1 - far)
        expected = torch.full((3,), float(torch.tensor(0.1).float()) / far)
        torch.testing.assert_close(value.double(), expected, rtol=1e-6, atol=0)


def test_learnt_values_are_not_rounded_to_single_precision():
    """Kills: rewards and values in torch's default type before they get their own."""
    torch.set_default_dtype(torch.float32)
    try:
        place = grid_world(PLAN)
        P, reward = place.world
        exact = place._replace(world=World(P.double(), reward.double() / 3))
        seen = wander(exact, 50, generator=seeded(0))
        assert set(seen.reward.tolist()) <= set(exact.world.reward.flatten().tolist())
        q = q_learning(seen, len(P), 4, discount=0.9)
        assert (q - q.float()).abs().max() > 0
    finally:
        torch.set_default_dtype(torch.float64)
