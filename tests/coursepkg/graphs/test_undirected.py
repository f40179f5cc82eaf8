import itertools
import math

import networkx as nx
import pytest
import torch

from coursepkg.enumeration import Normalised
from coursepkg.graphs.table import JointTable
from coursepkg.graphs.undirected import UndirectedModel, clique_energies
from tests.coursepkg.graphs.laws import EDGES, triples, undirected
from tests.oracles import states


def positive(levels, generator):
    """A positive law without any structure."""
    p = torch.rand(levels, generator=generator) + 0.1
    return JointTable([f"x{i}" for i in range(len(levels))], p / p.sum())


def loops():
    """Moussouris's law: uniform on eight states of a ring of four variables."""
    p = torch.zeros(2, 2, 2, 2)
    for state in ("0000", "1000", "1100", "1110", "1111", "0111", "0011", "0001"):
        p[tuple(map(int, state))] = 1 / 8
    return p


# factors, energy and Z


@pytest.mark.equation("undirected-factorisation")
@pytest.mark.equation("energy-cliques")
def test_the_density_is_the_product_of_the_factors(generator):
    """The six variables, state by state. Kills: a factor read with its axes exchanged."""
    model = undirected(EDGES, generator=generator)
    f = {"".join(c): t.exp() for c, t in zip(model.cliques, model.log_factors, strict=True)}
    x = states(2, 6)
    expected = torch.stack([
        f["ab"][a, b] * f["bc"][b, c] * f["ad"][a, d] * f["be"][b, e] * f["ef"][e, g]
        for a, b, c, d, e, g in x.tolist()
    ])  # fmt: skip
    torch.testing.assert_close(model.log_density(x).exp(), expected)
    torch.testing.assert_close(model.energy(x), -expected.log())
    torch.testing.assert_close(model.free_energy(x), -expected.log())
    torch.testing.assert_close(model.log_z(), expected.sum().log())
    torch.testing.assert_close(model.joint().p.flatten(), expected / expected.sum())


@pytest.mark.equation("undirected-factorisation")
def test_a_clique_may_be_named_in_any_order_and_have_three_members(generator):
    """Levels 2, 3 and 4. Kills: a factor aligned with the model's axes by its own order."""
    table = torch.rand(4, 2, 3, generator=generator)
    model = UndirectedModel(
        {"a": 2, "b": 3, "c": 4}, {("c", "a", "b"): table, ("b",): torch.ones(3)}
    )
    assert {frozenset(edge) for edge in model.graph.edges} == set(
        map(frozenset, ("ab", "bc", "ca"))
    )
    expected = torch.einsum("cab->abc", table)
    torch.testing.assert_close(model.joint().p, expected / expected.sum())
    x = torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(4))
    torch.testing.assert_close(model.log_density(x), expected.flatten().log())


@pytest.mark.equation("partition-function")
def test_z_makes_the_probabilities_sum_to_one(generator):
    """`Normalised` is a law. Kills: log Z with the wrong sign."""
    model = undirected(EDGES, generator=generator)
    log_p = Normalised(model).log_prob(states(2, 6))
    torch.testing.assert_close(log_p.exp().sum(), torch.tensor(1.0))
    assert log_p.max() - log_p.min() > 1, "vacuous: the law is uniform"


def test_a_factor_of_zero_rules_states_out():
    """Equal or nothing. Kills: 0 log 0 = NaN."""
    model = UndirectedModel({"a": 2, "b": 2}, {("a", "b"): torch.eye(2)})
    assert model.energy(torch.tensor([[0, 1], [1, 1]])).tolist() == [math.inf, 0]
    torch.testing.assert_close(model.joint().p, torch.eye(2) / 2)


def test_a_variable_in_no_factor_is_uniform(generator):
    model = UndirectedModel({"a": 2, "b": 3}, {("a",): torch.tensor([1.0, 3.0])})
    torch.testing.assert_close(
        model.joint().p, torch.tensor([0.25, 0.75])[:, None].expand(2, 3) / 3
    )


# what the graph says


@pytest.mark.equation("global-markov")
def test_separated_means_independent_and_connected_means_dependent(generator):
    """Enumeration on random factors, every question with one variable a side, both ways."""
    model = undirected(EDGES, generator=generator)
    joint, counted = model.joint(), {True: 0, False: 0}
    for a, b, given in triples(model.names, largest=4):
        information = joint.mutual_information(a, b, given=given).item()
        separated = model.separated(a, b, given=given)
        counted[separated] += 1
        assert (information < 1e-12) == separated, (a, b, given, information)
    assert min(counted.values()) > 50


@pytest.mark.equation("global-markov")
def test_separated_means_independent_with_loops_triangles_and_zeros(generator):
    """A ring, a triangle that is one factor, pairs that are impossible. Kills: edges lost."""
    model = undirected(("ab", "bc", "cd", "ad", "def"), generator=generator)
    tables = [log_factor.exp() for log_factor in model.log_factors]
    factors = dict(zip(model.cliques, tables, strict=True))
    factors["c", "d"] = torch.tensor([[1.0, 0.0], [2.0, 3.0]])
    joint = UndirectedModel(dict.fromkeys("abcdef", 2), factors).joint()
    asked = [t for t in triples("abcdef", largest=4) if model.separated(*t[:2], given=t[2])]
    assert len(asked) > 20
    for a, b, given in asked:
        assert abs(joint.mutual_information(a, b, given=given).item()) < 1e-12


@pytest.mark.equation("global-markov")
def test_groups_are_separated_together(generator):
    """Kills: only the first of a group is looked at."""
    model = undirected(EDGES, generator=generator)
    joint = model.joint()
    for a, b, given, expected in (
        ("ad", "ef", "b", True), ("cd", "a", "b", False), ("c", "da", "b", True),
        ("dc", "ef", "b", True), ("cf", "ad", "b", True), ("cf", "ad", "e", False),
    ):  # fmt: skip
        one, other = tuple(a), tuple(b)
        assert model.separated(one, other, given=given) == expected
        assert (joint.mutual_information(one, other, given=given) < 1e-12) == expected


# from a law to its cliques


@pytest.mark.equation("canonical-energies")
def test_the_energies_are_the_alternating_sums_and_add_up(generator):
    """The formula, subset by subset. Kills: a sign, a reference that is not level 0."""
    joint = positive((2, 3, 2), generator)
    energies = clique_energies(joint)
    assert len(energies) == 8
    names = joint.names
    for A, table in energies.items():
        assert table.shape == tuple(joint.p.shape[names.index(name)] for name in A)
        for x in itertools.product(*map(range, table.shape)):
            expected = 0.0
            for size in range(len(A) + 1):
                for B in itertools.combinations(range(len(A)), size):
                    cell = [0, 0, 0]
                    for i in B:
                        cell[names.index(A[i])] = x[i]
                    expected -= (-1) ** (len(A) - size) * joint.p[tuple(cell)].log().item()
            assert table[x].item() == pytest.approx(expected, abs=1e-12)
    for x in itertools.product(range(2), range(3), range(2)):
        total = sum(
            table[tuple(x[names.index(name)] for name in A)].item() for A, table in energies.items()
        )
        assert total == pytest.approx(-joint.p[x].log().item())


@pytest.mark.equation("hammersley-clifford")
@pytest.mark.parametrize(
    ("cliques", "levels"),
    [(EDGES, 2), (("ab", "bc", "cd", "ad"), 3), (("abc", "cd", "de", "ef", "cf"), 2)],
)
def test_a_law_that_is_markov_on_a_graph_has_energies_on_its_cliques_only(
    cliques, levels, generator
):
    """A tree, a ring, and a triangle with a ring. Kills: energies that are no differences."""
    model = undirected(cliques, generator=generator, levels=levels)
    left = {A for A, t in clique_energies(model.joint()).items() if t.abs().max() > 1e-9}
    complete = {tuple(sorted(clique)) for clique in nx.enumerate_all_cliques(model.graph)}
    assert left == {(), *complete}


@pytest.mark.equation("hammersley-clifford")
def test_the_energies_make_a_model_of_the_same_law(generator):
    """There and back. Kills: energies that are log-probabilities."""
    joint = positive((2, 2, 3), generator)
    factors = {A: (-table).exp() for A, table in clique_energies(joint).items() if A}
    rebuilt = UndirectedModel(dict(zip(joint.names, joint.p.shape, strict=True)), factors)
    torch.testing.assert_close(rebuilt.joint().p, joint.p)


@pytest.mark.equation("hammersley-clifford")
def test_without_positivity_a_markov_law_need_not_factorise():
    """The ring of four: all its independences hold, and yet no product of factors fits.

    If one did, each factor would be positive on every pair of levels that occurs; but then the
    state 0100, whose four pairs all occur, would be possible.
    """
    p, ring = loops(), ("ab", "bc", "cd", "da")
    joint = JointTable([*"abcd"], p)
    model = UndirectedModel(dict.fromkeys("abcd", 2), {tuple(e): torch.ones(2, 2) for e in ring})
    checked = 0
    for a, b, given in triples("abcd", largest=2):
        if model.separated(a, b, given=given):
            assert joint.mutual_information(a, b, given=given).item() == pytest.approx(0, abs=1e-12)
            checked += 1
    assert checked == 2, "a and c given b and d, and the other way round"
    state = dict(zip("abcd", (0, 1, 0, 0), strict=True))
    assert p[0, 1, 0, 0] == 0
    for one, other in ring:
        assert joint.marginal(one, other)[state[one], state[other]] > 0


# refused


@pytest.mark.parametrize(
    ("levels", "factors", "message"),
    [
        ({}, {}, "at least one"),
        ({"a": 2}, {("b",): torch.ones(2)}, "clique: expected names among"),
        ({"a": 2}, {("a", "a"): torch.ones(2, 2)}, "one place"),
        ({"a": 2, "b": 3}, {("b", "a"): torch.ones(2, 3)}, r"shape \(3, 2\), got \(2, 3\)"),
        ({"a": 2}, {("a",): torch.tensor([1.0, -1.0])}, "smallest -1"),
        ({"a": 2}, {("a",): torch.tensor([1.0, math.inf])}, "finite"),
    ],
)
def test_models_that_are_none_are_refused(levels, factors, message):
    with pytest.raises(ValueError, match=message):
        UndirectedModel(levels, factors)


def test_factors_that_allow_nothing_are_refused():
    never = {("a",): torch.tensor([1.0, 0.0]), ("a", "b"): torch.tensor([[0.0, 0], [1, 1]])}
    with pytest.raises(ValueError, match="a state that all of them allow"):
        UndirectedModel({"a": 2, "b": 2}, never).joint()


def test_sums_that_are_too_long_are_refused_with_their_price():
    names = [f"x{i}" for i in range(12)]
    factors = {pair: torch.ones(4, 4) for pair in itertools.pairwise(names)}
    model = UndirectedModel(dict.fromkeys(names, 4), factors)
    for question in (model.log_z, model.joint):
        with pytest.raises(ValueError, match=r"a sum over 12 variables: .* got 1.68e\+07"):
            question()


def test_energies_of_a_law_with_zeros_are_refused():
    with pytest.raises(ValueError, match="got 8 that are 0"):
        clique_energies(JointTable([*"abcd"], loops()))


@pytest.mark.parametrize(
    ("a", "b", "given", "message"),
    [("z", "a", (), "a: expected names among"), ("a", "a", (), "b: expected each name in one"),
     ("a", "b", "b", "given: expected each name in one"),
     ((), "b", (), "a: expected at least one")],
)  # fmt: skip
def test_questions_that_make_no_sense_are_refused(a, b, given, message, generator):
    with pytest.raises(ValueError, match=message):
        undirected(EDGES, generator=generator).separated(a, b, given=given)


def test_without_factors_every_state_is_alike():
    """The empty product is 1, so that Z counts the states. Kills: the type of the first factor."""
    model = UndirectedModel({"a": 2, "b": 3}, {})
    x = torch.tensor([[0, 2], [1, 0]])
    assert model.log_z().item() == pytest.approx(math.log(6))
    assert model.energy(x).tolist() == [0, 0]
    torch.testing.assert_close(model.joint().p, torch.full((2, 3), 1 / 6))
    torch.testing.assert_close(Normalised(model).log_prob(x), torch.full((2,), -math.log(6)))


def test_the_joint_of_many_strong_factors_sums_to_one():
    """log p̃ near 2,600 has four decimals in float32. Kills: exp(log p̃ - log Z) in float32.

    What is given has probability 1e-68, which float32 does not know.
    """
    names = {f"x{i}": 2 for i in range(12)}
    seeds = (torch.Generator().manual_seed(s) for s in range(66))
    strong = [1e17 * torch.rand(2, 2, generator=seed) for seed in seeds]
    pairs = dict(zip(itertools.combinations(names, 2), strong, strict=True))
    model = UndirectedModel(names, {pair: table.float() for pair, table in pairs.items()})
    p = model.joint().p
    log_p = -model.double().energy(states(2, 12))
    torch.testing.assert_close(p.flatten(), log_p.softmax(0), rtol=1e-10, atol=0)
    rare = torch.tensor([[1.0, 3.0], [1e-38, 2e-38]]).float()
    pair = UndirectedModel({"a": 2, "b": 2}, {("a", "b"): rare, ("a",): torch.tensor([1, 1e-30])})
    found = pair.float().joint().marginal("b", given={"a": 1})
    torch.testing.assert_close(found, torch.tensor([1 / 3, 2 / 3]), rtol=1e-5, atol=0)
