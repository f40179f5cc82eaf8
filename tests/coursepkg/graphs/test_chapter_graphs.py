"""Equations of chapter 5 that are statements about models and not the code of one function."""

import math

import pytest
import torch

from coursepkg.bayes.information import entropy, kl
from coursepkg.enumeration import Normalised
from coursepkg.graphs.directed import DirectedModel, Table
from coursepkg.graphs.lattice import ising
from coursepkg.graphs.undirected import UndirectedModel
from tests.coursepkg.graphs.laws import EDGES, SEVEN, crooked, slow_energy, undirected
from tests.oracles import states


def rank(law, logits):
    """Number of directions in which the law can be moved from here: rank of its Jacobian."""
    jacobian = torch.autograd.functional.jacobian(law, logits)
    return int(torch.linalg.matrix_rank(jacobian, rtol=1e-9))


@pytest.mark.equation("table-size")
@pytest.mark.parametrize(("k", "n"), [(2, 3), (3, 2), (2, 5)])
def test_a_table_can_move_in_all_directions_but_one(k, n, generator):
    """Kills: k^n, n^k."""
    logits = torch.randn(k**n, generator=generator)
    assert rank(lambda a: torch.softmax(a, 0), logits) == k**n - 1


@pytest.mark.equation("directed-size")
@pytest.mark.parametrize(
    ("parents", "k"), [(SEVEN, 2), ({"a": "", "b": "a", "c": "a", "d": "b c"}, 3)]
)
def test_a_directed_model_has_a_direction_for_each_row_and_level_but_one(parents, k, generator):
    """Kills: all rows counted with k numbers, parents left out."""
    shapes = {name: [k] * (1 + len(of.split())) for name, of in parents.items()}
    sizes = [math.prod(shape) for shape in shapes.values()]

    def law(logits):
        pieces = zip(shapes.items(), logits.split(sizes), strict=True)
        model = DirectedModel({
            name: Table(torch.softmax(piece.view(shape), -1), parents=parents[name].split())
            for (name, shape), piece in pieces
        })  # fmt: skip
        return model.joint().p.flatten()

    counted = sum((k - 1) * k ** len(of.split()) for of in parents.values())
    assert rank(law, torch.randn(sum(sizes), generator=generator)) == counted


@pytest.mark.equation("elimination")
def test_sums_may_be_pulled_inside(generator):
    """Against all 3^6 states, with three levels. Kills: a vector along the wrong axis."""
    model = undirected(EDGES, generator=generator, levels=3)
    ab, bc, ad, be, ef = (log_factor.exp() for log_factor in model.log_factors)
    from_c = bc.sum(1)
    from_a = (ab * ad.sum(1)[:, None]).sum(0)
    from_e = (be * ef.sum(1)).sum(1)
    Z = model.log_density(states(3, 6)).exp().sum()
    torch.testing.assert_close((from_c * from_a * from_e).sum(), Z)


@pytest.mark.equation("boltzmann-distribution")
@pytest.mark.parametrize("beta", [0.3, 0.7, 1.2])
@pytest.mark.parametrize("levels", [2, 3])
def test_probabilities_are_exponentials_of_the_energy(beta, levels, generator):
    """Energies by a loop, Z by a sum, fields on every site. Kills: β in the law and not in Z."""
    lattice = crooked(2, 3, levels=levels, beta=beta, generator=generator)
    x = states(levels, 6)
    weight = torch.tensor([math.exp(-beta * slow_energy(lattice, row)) for row in x.tolist()])
    assert weight.max() > 5 * weight.min(), "vacuous: uniform"
    torch.testing.assert_close(Normalised(lattice).log_prob(x).exp(), weight / weight.sum())


@pytest.mark.equation("boltzmann-distribution")
@pytest.mark.parametrize(("field", "lowest"), [(0.0, [0, -1]), (0.2, [-1]), (-0.2, [0])])
def test_heat_makes_states_alike_and_cold_leaves_the_lowest(field, lowest):
    """A magnet, with the field either way and without. Kills: β for 1/β."""
    x = states(2, 9)
    hot = Normalised(ising(3, 3, beta=1e-9, field=field)).log_prob(x)
    torch.testing.assert_close(hot, torch.full((512,), -9 * math.log(2)), atol=1e-6, rtol=0)
    cold = Normalised(ising(3, 3, beta=30.0, field=field)).log_prob(x).exp()
    expected = torch.zeros(512)
    expected[lowest] = 1 / len(lowest)
    torch.testing.assert_close(cold, expected, atol=1e-4, rtol=0)


@pytest.mark.equation("gibbs-variational")
def test_no_law_has_a_lower_free_energy_than_boltzmanns(generator):
    """Random laws, and one that is sure. Kills: the entropy added, KL the other way round."""
    lattice = ising(2, 3, beta=0.8, field=0.3)
    energy = 0.8 * lattice.energy(states(2, 6))
    log_Z = torch.logsumexp(-energy, 0)
    p = (-energy - log_Z).exp()
    laws = [torch.softmax(a * torch.randn(64, generator=generator), 0) for a in (0.0, 1.0, 4.0)]
    for q in (*laws, torch.eye(64)[5]):
        left = q @ energy - entropy(q)
        torch.testing.assert_close(left, kl(q, p) - log_Z)
        assert left > -log_Z
    torch.testing.assert_close(p @ energy - entropy(p), -log_Z)


@pytest.mark.equation("directed-factorisation")
@pytest.mark.equation("undirected-factorisation")
def test_a_directed_model_is_an_undirected_one_on_married_parents_with_z_one(generator):
    """Kills: families that are not cliques of the moral graph."""
    shapes = {name: (*of.split(), name) for name, of in SEVEN.items()}
    tables = {
        family: torch.softmax(torch.randn([2] * len(family), generator=generator), -1)
        for family in shapes.values()
    }
    arrows = DirectedModel({f[-1]: Table(t, parents=f[:-1]) for f, t in tables.items()})
    lines = UndirectedModel(dict.fromkeys(SEVEN, 2), tables)
    assert lines.log_z().item() == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(lines.joint().p, arrows.joint().p)
    new = set(map(frozenset, lines.graph.edges)) - set(map(frozenset, arrows.graph.edges))
    assert new == {
        frozenset(pair) for pair in (("x1", "x2"), ("x1", "x3"), ("x2", "x3"), ("x4", "x5"))
    }


@pytest.mark.equation("directed-factorisation")
def test_three_graphs_allow_the_same_laws_and_a_collider_does_not(generator):
    """Conditionals of a law of the chain, read backwards. Kills: arrows that matter to the law."""
    a, m, b = (torch.softmax(torch.randn(2, 2, generator=generator), -1) for _ in range(3))
    chain = DirectedModel({
        "a": Table(a[0]),
        "m": Table(m, parents="a"),
        "b": Table(b, parents="m"),
    })
    joint = chain.joint()

    def refitted(**parents):
        laws = {}
        for name, of in parents.items():
            table = joint.marginal(*of, name)
            laws[name] = Table(table / table.sum(-1, keepdim=True), parents=tuple(of))
        return DirectedModel(laws).joint().p

    torch.testing.assert_close(refitted(a="m", m="b", b=""), joint.p)
    torch.testing.assert_close(refitted(a="m", m="", b="m"), joint.p)
    assert (refitted(a="", m="ab", b="") - joint.p).abs().max() > 1e-3
