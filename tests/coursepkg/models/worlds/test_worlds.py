"""Worlds: plans against linear programs and all policies, counts against a loop, both cures."""

from itertools import product

import pytest
import torch
from scipy.optimize import linprog

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


def test_wandering_follows_the_law(generator):
    """4,000 steps; a false alarm has a chance below 1e-6 (six standard errors for each entry).

    Kills: a start in the end, actions that are not uniform, the law of another action.
    """
    place = grid_world(WIDE, slip=0.4)
    seen = wander(place, 4000, generator=generator)
    S, A, _ = place.world.P.shape
    n = torch.zeros(S, A, S)
    for s, a, s_next in zip(seen.s, seen.a, seen.s_next, strict=True):
        n[s, a, s_next] += 1
    total = n.sum(-1, keepdim=True)
    P = place.world.P
    assert ((n - total * P).abs() <= 6 * (total * P * (1 - P)).sqrt() + 1).all()
    assert (n[place.world.P == 0] == 0).all()
    assert ((n.sum((0, 2)) - 1000).abs() < 6 * (4000 * 3 / 16) ** 0.5).all()
    assert seen.s[0] == place.start
    assert not place.ends[seen.s].any()
    assert torch.equal(seen.ended, place.ends[seen.s_next])
    assert torch.equal(seen.reward, place.world.reward[seen.s, seen.a, seen.s_next])
    begins = torch.cat([torch.tensor([True]), seen.s[1:] != seen.s_next[:-1]])
    assert (seen.s[begins] == place.start).all()
    assert (seen.s[1:][seen.ended[:-1]] == place.start).all()
    assert seen.ended.sum() > 10


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


def test_with_much_experience_all_models_are_the_world(generator):
    """Where an action was tried 100 times, within six standard errors, each at most 0.05.

    Kills: a model of other states, a network that is told of other walls, rewards of other cells.
    """
    place = grid_world(WIDE, slip=0.3)
    S, law = len(place.cells), place.world.P
    seen = wander(place, 8000, generator=generator)
    n = torch.zeros(S, 4).index_put((seen.s, seen.a), torch.ones(8000), accumulate=True)
    assert (n >= 100).sum() > 20
    arrived = seen.s_next.unique()
    for model in (
        counted(seen, S, 4, strength=0.1),
        distrustful(seen, S, 4, strength=0.1, value=-1.0, discount=0.9),
        with_moves(place, seen, generator=generator),
    ):
        check_world(model)
        error = (model.P[:S, :, :S] - law).abs().amax(-1)
        assert error[n >= 100].max() < 0.3
        torch.testing.assert_close(model.reward[0, 0, arrived], place.world.reward[0, 0, arrived])


def test_the_network_speaks_of_cells_where_nobody_was(generator):
    """Of a long corridor only the beginning was seen. Kills: a law for each cell of its own."""
    place = grid_world(["S............G"], slip=0.2)
    seen = wander(place, 6000, patience=6, generator=generator)
    assert seen.s_next.max() < 10
    found = with_moves(place, seen, generator=generator)
    assert (found.P[11] - place.world.P[11]).abs().max() < 0.1


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


def test_replayed_q_learning_is_the_plan_of_the_counts(generator):
    """Experience gone through for ever gives the plan of the world that was counted, α -> 0.

    Kills: a model and a method that differ in more than the model.
    """
    place = grid_world(PLAN, slip=0.2)
    seen = wander(place, 300, generator=generator)
    plan = value_iteration(counted(seen, 5, 4, strength=1e-9), discount=0.8, tolerance=1e-9)
    q = q_learning(seen, 5, 4, discount=0.8, passes=400, power=0.75)
    tried = torch.zeros(5, 4, dtype=torch.bool)
    tried[seen.s, seen.a] = True
    assert tried[~place.ends].all()
    torch.testing.assert_close(q[tried], plan.q[tried], atol=0.03, rtol=0)


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
