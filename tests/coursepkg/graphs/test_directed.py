import itertools
import math

import networkx as nx
import pytest
import torch
from torch.distributions import MultivariateNormal

from coursepkg.graphs.directed import DirectedModel, LinearGaussian, Table, d_separated
from tests.coursepkg.graphs.laws import SEVEN, directed, random_table, triples
from tests.oracles import state_index, states
from tests.statistics import assert_cdf, assert_probs

RACE = DirectedModel({
    "t0": LinearGaussian(60.0, 2.0),
    "t1": LinearGaussian(62.0, 1.5, {"t0": 1.0}),
    "t2": LinearGaussian(61.0, 2.5, {"t1": 0.9}),
})  # fmt: skip


# the joint law


@pytest.mark.equation("directed-factorisation")
def test_the_joint_is_the_product_of_the_conditionals(generator):
    """Number by number, from the printed factorisation. Kills: parents in another order."""
    model = directed(SEVEN, generator=generator)
    p = {name: law.p for name, law in zip(model.names, model.conditionals, strict=True)}
    joint = model.joint().p
    for x in itertools.product(range(2), repeat=7):
        x1, x2, x3, x4, x5, x6, x7 = x
        expected = (
            p["x1"][x1] * p["x2"][x2] * p["x3"][x3] * p["x4"][x1, x2, x3, x4]
            * p["x5"][x1, x3, x5] * p["x6"][x4, x6] * p["x7"][x4, x5, x7]
        )  # fmt: skip
        torch.testing.assert_close(joint[x], expected)
    torch.testing.assert_close(model.log_prob(states(2, 7)), joint.flatten().log())


@pytest.mark.equation("directed-factorisation")
def test_parents_may_come_later_and_have_other_numbers_of_levels(generator):
    """c → a ← b with 3, 2 and 4 levels. Kills: columns read in the order of the graph."""
    a, b, c = (random_table(*shape, generator=generator) for shape in ((4, 3, 2), (3,), (4,)))
    model = DirectedModel({"a": Table(a, parents=["c", "b"]), "b": Table(b), "c": Table(c)})
    joint = torch.einsum("cba,b,c->abc", a, b, c)
    torch.testing.assert_close(model.joint().p, joint)
    x = torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(4))
    torch.testing.assert_close(model.log_prob(x).exp(), joint.flatten())
    drawn = model.sample(60_000, generator=generator)
    assert_probs(drawn @ torch.tensor([12, 4, 1]), joint.flatten(), detects=0.09)


@pytest.mark.equation("directed-factorisation")
def test_ancestral_draws_follow_the_joint(generator):
    """Seven nodes, 128 cells. Kills: a node drawn before its parents, an axis for another."""
    model = directed(dict(reversed(SEVEN.items())), generator=generator)
    x = model.sample(200_000, generator=generator)
    assert x.dtype == torch.int64
    assert_probs(state_index(x, 2), model.joint().p.flatten(), detects=0.07)


@pytest.mark.equation("directed-factorisation")
def test_the_race_is_scored_node_by_node():
    """torch.distributions. Kills: a variance for a deviation, a lost bias."""
    x = torch.tensor([[61.0, 120.0, 170.0], [55.0, 119.0, 166.0]])
    t0, t1, t2 = x.T
    normal = torch.distributions.Normal
    expected = (
        normal(60, 2).log_prob(t0) + normal(62 + t0, 1.5).log_prob(t1)
        + normal(61 + 0.9 * t1, 2.5).log_prob(t2)
    )  # fmt: skip
    torch.testing.assert_close(RACE.log_prob(x), expected)


@pytest.mark.equation("linear-gaussian-joint")
def test_a_linear_gaussian_model_is_a_normal_law(generator):
    """Kills: a covariance that is not transposed, a mean without the parents' part."""
    moments = RACE.gaussian()
    x = torch.tensor([60.0, 122.0, 171.0]) + 4 * torch.randn(50, 3, generator=generator)
    peer = MultivariateNormal(moments.mean, moments.covariance)
    torch.testing.assert_close(RACE.log_prob(x), peer.log_prob(x))
    assert moments.mean.tolist() == pytest.approx([60.0, 122.0, 61 + 0.9 * 122])


@pytest.mark.equation("linear-gaussian-joint")
def test_the_moments_are_those_of_a_graph_with_several_parents_in_any_order(generator):
    """Sums over all directed paths, node by node. Kills: G transposed, std for its square."""
    weights = {"a": {"c": 0.5, "b": -1.5}, "b": {"d": 2.0}, "c": {"b": 0.7, "d": -0.4}, "d": {}}
    b, s = torch.tensor([1.0, -2.0, 0.5, 3.0]), torch.tensor([0.5, 2.0, 1.5, 0.8])
    model = DirectedModel({
        name: LinearGaussian(b[i].item(), s[i].item(), of)
        for i, (name, of) in enumerate(weights.items())
    })  # fmt: skip
    eps = torch.randn(4, generator=generator)
    ways = {}  # of each node, the weight with which every node's own term enters
    for name in "dbca":
        ways[name] = torch.eye(4)["abcd".index(name)]
        for parent, weight in weights[name].items():
            ways[name] = ways[name] + weight * ways[parent]
    A = torch.stack([ways[name] for name in "abcd"])
    mean, covariance = model.gaussian()
    torch.testing.assert_close(mean, A @ b)
    torch.testing.assert_close(covariance, torch.einsum("ik,k,jk->ij", A, s.square(), A))
    peer = MultivariateNormal(A @ b, covariance)
    x = A @ (b + s * eps)
    torch.testing.assert_close(model.log_prob(x[None]), peer.log_prob(x)[None])


@pytest.mark.equation("linear-gaussian-joint")
def test_draws_of_the_race_have_its_moments(generator):
    moments = RACE.gaussian()
    x = RACE.sample(60_000, generator=generator)
    white = (x - moments.mean) @ torch.linalg.inv(torch.linalg.cholesky(moments.covariance)).T
    for column in (*white.T, white.sum(1) / math.sqrt(3)):
        assert_cdf(column, torch.special.ndtr, detects=0.03)


# what the graph says


def test_separation_agrees_with_networkx_on_every_graph_of_four_nodes():
    """A peer library, exhaustively. Kills: a collider that is open, a chain that is never shut."""
    found = set()
    pairs = list(itertools.combinations("abcd", 2))
    for arrows in itertools.product([False, True], repeat=6):
        graph = nx.DiGraph()
        graph.add_nodes_from("abcd")
        graph.add_edges_from(pair for pair, there in zip(pairs, arrows, strict=True) if there)
        for a, b, given in triples("abcd", largest=2):
            for one, other in ((a, b), (b, a)):
                ours = d_separated(graph, one, other, given=given)
                assert ours == nx.is_d_separator(graph, {one}, {other}, set(given))
                found.add(ours)
    assert found == {True, False}


def test_separation_of_groups_agrees_with_networkx(generator):
    """Larger graphs, several nodes a side: descendants of colliders some arrows away."""
    names, found = [f"n{i}" for i in range(8)], []
    for _ in range(150):
        there = torch.rand(8, 8, generator=generator) < 0.25
        graph = nx.DiGraph([(names[i], names[j]) for i in range(8) for j in range(i + 1, 8)
                            if there[i, j]])  # fmt: skip
        graph.add_nodes_from(names)
        mixed = [names[i] for i in torch.randperm(8, generator=generator)]
        a, b, given = mixed[:2], mixed[2:4], mixed[4:6]
        found.append(d_separated(graph, a, b, given=given))
        assert found[-1] == nx.is_d_separator(graph, set(a), set(b), set(given))
    assert 10 < sum(found) < 140, "vacuous: nearly all graphs answer alike"


@pytest.mark.equation("conditional-information")
def test_separated_means_independent_and_connected_means_dependent(generator):
    """Enumeration on random tables: 672 questions to the seven-node graph, both ways."""
    model = directed(SEVEN, generator=generator)
    joint, counted = model.joint(), {True: 0, False: 0}
    for a, b, given in triples(model.names, largest=5):
        information = joint.mutual_information(a, b, given=given).item()
        separated = model.d_separated(a, b, given=given)
        counted[separated] += 1
        assert information > -1e-12, "a divergence"
        assert (information < 1e-12) == separated, (a, b, given, information)
    assert counted[True] > 50
    assert counted[False] > 50


# refused


def test_a_cycle_is_refused_and_shown():
    copy = torch.eye(2)
    with pytest.raises(ValueError, match="expected no cycle, got the arrows"):
        DirectedModel({"a": Table(copy, parents=["b"]), "b": Table(copy, parents=["a"])})


@pytest.mark.parametrize(
    ("conditionals", "message"),
    [
        ({}, "at least one"),
        ({"a": Table(torch.eye(2), parents=["b"])}, r"given: expected names among \['a'\]"),
        ({"a": Table(torch.eye(2), parents=["a"])}, "each name in one place"),
        ({"a": Table(torch.tensor([0.5, 0.5])), "b": LinearGaussian(0, 1, {"a": 1})}, "got both"),
        ({"a": Table(torch.full((3,), 1 / 3)), "b": Table(torch.eye(2), parents=["a"])},
         r"b: expected a table with \(3,\) rows"),
    ],
)  # fmt: skip
def test_models_that_are_none_are_refused(conditionals, message):
    with pytest.raises(ValueError, match=message):
        DirectedModel(conditionals)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Table(torch.tensor([0.5, 0.6])), "sum to 1"),
        (lambda: Table(torch.tensor([1.5, -0.5])), "probabilities >= 0"),
        (lambda: Table(torch.eye(2).T / 1, parents=["a", "b"]), "expected 3 axes"),
        (lambda: Table(torch.tensor(1.0)), "along the last axis"),
        (lambda: LinearGaussian(0.0, 0.0), "std: expected"),
        (lambda: LinearGaussian(math.nan, 1.0), "bias: expected a finite number"),
        (lambda: LinearGaussian(0.0, 1.0, {"a": math.inf}), "a: expected a finite number"),
    ],
)
def test_conditionals_that_are_none_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_questions_to_the_wrong_kind_of_model_are_refused(generator):
    with pytest.raises(ValueError, match="discrete variables, got real"):
        RACE.joint()
    model = directed(SEVEN, generator=generator)
    with pytest.raises(ValueError, match="LinearGaussian nodes only"):
        model.gaussian()
    with pytest.raises(ValueError, match=r"a: expected names among"):
        model.d_separated("y", "x1")
    with pytest.raises(ValueError, match="one place"):
        model.d_separated("x1", "x2", given="x1")
    with pytest.raises(ValueError, match="given: expected each name in one place"):
        model.d_separated("x1", "x2", given=["x3", "x3"])


def test_a_joint_table_that_is_too_large_is_refused_with_its_price():
    model = DirectedModel({f"x{i}": Table(torch.tensor([0.5, 0.5])) for i in range(23)})
    with pytest.raises(ValueError, match=r"joint table of 23 variables: expected at most 2\^22"):
        model.joint()
    assert model.log_prob(torch.zeros(1, 23, dtype=torch.int64)).item() == pytest.approx(
        -23 * math.log(2)
    )


def test_moments_of_large_weights_in_single_precision():
    """What c has of a nearly cancels by way of b. Kills: a float32 inverse of I - G."""
    laws = {
        "a": LinearGaussian(1.0, 1.0),
        "b": LinearGaussian(0.1, 1e-3, {"a": 0.9999}),
        "c": LinearGaussian(0.0, 1e-3, {"a": 9999.0, "b": -1e4}),
    }
    model = DirectedModel(laws).float()
    mean, covariance = model.gaussian()
    exact = DirectedModel({name: law.double() for name, law in laws.items()}).gaussian()
    torch.testing.assert_close(mean.double(), exact.mean, rtol=1e-6, atol=0)
    torch.testing.assert_close(covariance.double(), exact.covariance, rtol=1e-6, atol=0)


def test_a_deviation_that_is_0_in_single_precision_is_refused():
    """Kills: a σ of 1e-50 that float32 makes 0, and densities NaN."""
    torch.set_default_dtype(torch.float32)
    try:
        with pytest.raises(ValueError, match="std: expected a finite number > 0, got 0"):
            LinearGaussian(0.0, 1e-50)
    finally:
        torch.set_default_dtype(torch.float64)
