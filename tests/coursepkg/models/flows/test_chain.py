"""Chains, permutations and the base: Jacobians, closed forms, quadrature."""

import copy
import math

import pytest
import torch
from torch.distributions import Normal
from torch.testing import assert_close

from coursepkg.models.flows import (
    ActNorm,
    Affine,
    Chain,
    Coupling,
    FactorOut,
    Inverse,
    LULinear,
    Permutation,
    RationalQuadraticSpline,
    StandardNormal,
    half,
    squeeze_order,
)
from coursepkg.models.transformed import Transformed
from coursepkg.nets import ResidualMLP
from coursepkg.rng import seeded
from tests.coursepkg.models.flows.truth import check_transform, log_dets, shaken
from tests.statistics import assert_cdf


def linear(seed: int, dim: int = 4) -> LULinear:
    return LULinear(torch.randn(dim, dim, generator=seeded(seed)))


def points(n: int = 3, dim: int = 4) -> torch.Tensor:
    return torch.randn(n, dim, generator=seeded(9))


def test_the_base_is_a_product_of_normals_of_its_temperature():
    """Kills: a normaliser of T = 1, variance T, a constant counted once."""
    base, z = StandardNormal(3, temperature=0.7), points(dim=3)
    assert_close(base.log_prob(z), Normal(0, 0.7).log_prob(z).sum(1))
    drawn = base.sample(20_000, generator=seeded(0))
    assert drawn.shape == (20_000, 3)
    assert_cdf(drawn[:, 1], Normal(0, 0.7).cdf, detects=0.06)
    assert StandardNormal(2).float().sample(1, generator=seeded(0)).dtype == torch.float32
    assert not base.state_dict(), "it has no weights"


def test_a_chain_multiplies_determinants_and_inverts_in_reverse():
    """Of linear maps that do not commute. Kills: the last determinant only, inverses in order."""
    first, second = linear(0), linear(1)
    chain = Chain([first, Permutation(torch.tensor([2, 0, 3, 1])), second])
    check_transform(chain, points())
    _, log_det = chain.encode(points())
    expected = first.log_diagonal.sum() + second.log_diagonal.sum()
    assert_close(log_det, expected.expand(3))
    assert log_det[0].abs() > 0.1, "vacuous: no volume"


def curved(dim: int = 4, *, seed: int = 0, by: float = 0.2) -> Chain:
    """Layers whose log-determinants differ from point to point."""
    layers = [shaken(ActNorm(dim), seeded(seed))]
    for n, monotone in enumerate((Affine(), RationalQuadraticSpline(bins=4, reach=2.0))):
        net = ResidualMLP(
            dim // 2, monotone.size * dim // 2, hidden=8, blocks=1, generator=seeded(seed + n)
        )
        coupling = Coupling(net, half(dim, parity=n), monotone=monotone)
        layers.append(shaken(coupling, seeded(seed + 10 + n), by=by))
    return Chain(layers)


@pytest.mark.equation("flow-log-likelihood")
def test_the_log_likelihood_of_a_flow_is_that_of_its_whole_jacobian():
    """Autograd through all layers at once. Kills: a layer's determinant at the input of another."""
    chain, x = curved(), points()
    log_p = Transformed(chain, StandardNormal(4)).log_prob(x).detach()
    z = x
    terms = torch.zeros(3)
    for layer in chain.layers:
        terms = terms + log_dets(layer, z.detach())
        z = layer.encode(z)[0]
    base = Normal(0, 1).log_prob(z).sum(1).detach()
    assert_close(log_p, base + log_dets(chain, x), atol=1e-9, rtol=0)
    assert_close(log_p, base + terms, atol=1e-9, rtol=0)
    assert terms.std() > 0.01, "vacuous: the same volume everywhere"


@pytest.mark.equation("flow-temperature")
@pytest.mark.parametrize("tau", [0.5, 0.9, 1.0, 2.0])
def test_a_flow_at_a_temperature_is_another_flow(tau):
    """Kills: the squared norm of x, τ for τ², D log τ added."""
    chain, x = curved(), points()
    warm, law = (Transformed(chain, StandardNormal(4, temperature=T)) for T in (1.0, tau))
    z = chain.encode(x)[0]
    expected = warm.log_prob(x) + z.square().sum(1) / 2 * (1 - tau**-2) - 4 * math.log(tau)
    assert_close(law.log_prob(x), expected)
    drawn = law.sample(20_000, generator=seeded(0)).detach()
    assert_cdf(chain.encode(drawn)[0][:, 1].detach(), Normal(0, tau).cdf, detects=0.06)


@pytest.mark.equation("flow-bridge")
def test_what_lies_between_two_sets_of_a_flow():
    """Half-planes at distance r under a curved flow, by quadrature; under a scale the bound is met.

    Kills: r times c, the mass of the set itself counted.
    """

    def bound(mass, r, c):
        normal = Normal(0, 1)
        return normal.cdf(normal.icdf(mass) + r / c) - mass

    scale = ActNorm(2)
    scale.log_scale.data.copy_(torch.tensor([3.0, 0.5]).log())
    start = torch.tensor(-0.7)
    between = Normal(0, 3).cdf(start + 1.2) - Normal(0, 3).cdf(start)
    law = Transformed(scale, StandardNormal(2))
    line = torch.linspace(-24, 24, 2401)
    p = law.log_prob(torch.cartesian_prod(line, line)).exp().view(2401, 2401).sum(1).detach() * 4e-4
    inside = p[(line > start) & (line < start + 1.2)].sum()
    assert_close(inside, between, atol=3e-3, rtol=0)
    assert_close(bound(Normal(0, 3).cdf(start), 1.2, 3.0), between)
    chain = curved(2, seed=3, by=0.05)  # shaken more, it stretches so much that the bound is 0
    flow = Transformed(chain, StandardNormal(2))
    line = torch.linspace(-4, 4, 41)
    J = torch.autograd.functional.jacobian(
        lambda z: chain.decode(z).sum(0), torch.cartesian_prod(line, line)
    )
    c = torch.linalg.matrix_norm(J.movedim(1, 0), ord=2).max()
    drawn = flow.sample(20_000, generator=seeded(1)).detach()[:, 0]
    for start in drawn.quantile(torch.tensor([0.1, 0.5, 0.8])):
        for r in (0.2, 1.0):
            below = (drawn < start).double().mean()
            between = ((drawn >= start) & (drawn < start + r)).double().mean()
            assert between > bound(below, r, c) - 0.01
            assert bound(below, r, c) > 0.01, "vacuous: no bound"


@pytest.mark.equation("stranger-gap")
@pytest.mark.parametrize("kappa", [0.25, 0.6, 1.5])
def test_narrower_inputs_score_better_by_half_a_nat_a_dimension(kappa):
    """Points whose mean square is exactly the variance. Kills: the share's root, D for D/2."""
    base, D = StandardNormal(5, temperature=1.7), 5
    data = 1.7 * math.sqrt(D) * torch.cat([torch.eye(D), -torch.eye(D)])
    assert_close(data.square().mean(0), torch.full((D,), 1.7**2))
    gap = (base.log_prob(math.sqrt(kappa) * data) - base.log_prob(data)).mean()
    assert_close(gap.item(), D / 2 * (1 - kappa))


def test_a_flow_is_the_normal_law_that_a_linear_map_makes():
    """z = W x with z normal: x ~ N(0, (WᵀW)^-1). Kills: the determinant subtracted."""
    flow = Transformed(linear(2), StandardNormal(4))
    L, U = flow.transform.factors()
    W = (flow.transform.permutation @ L @ U).detach()
    law = torch.distributions.MultivariateNormal(torch.zeros(4), precision_matrix=W.T @ W)
    assert_close(flow.log_prob(points()).detach(), law.log_prob(points()))


def test_a_chain_starts_each_layer_where_the_data_reach_it():
    """Kills: every layer fitted to x itself, weights replaced behind an optimizer's back."""
    x = 3 + 2 * points(200)
    chain = Chain([ActNorm(4), linear(3), ActNorm(4)])
    held = chain.layers[2].shift
    assert chain.fit(x) is chain
    assert chain.layers[2].shift is held
    z, _ = chain.encode(x)
    assert_close(z.mean(0), torch.zeros(4))
    assert_close(z.var(0, correction=0), torch.ones(4))
    middle = chain.layers[0].encode(x)[0]
    assert_close(middle.mean(0), torch.zeros(4))


def test_a_start_drops_nothing_and_leaves_the_mode_alone():
    """Kills: a start at what dropout left of the data, which would also move the global state."""
    net = ResidualMLP(2, 4, hidden=16, blocks=1, dropout=0.5, generator=seeded(0))
    coupling = Coupling(shaken(net, seeded(1)), half(4, parity=0), monotone=Affine())
    chain = Chain([coupling, ActNorm(4)]).fit(points(300))
    assert chain.training
    assert chain.layers[0].training
    z, _ = chain.eval().encode(points(300))
    assert_close(z.mean(0).detach(), torch.zeros(4))
    assert_close(z.var(0, correction=0).detach(), torch.ones(4))


def test_a_refused_start_changes_nothing():
    """The second layer would be refused. Kills: a first layer that stays changed."""
    chain = Chain([ActNorm(2), LULinear(torch.eye(2)), ActNorm(2)])
    flat = torch.tensor([[1.0, 2.0], [3.0, 2.0]])
    with pytest.raises(ValueError, match=r"expected variables that vary, got 1 constant"):
        chain.fit(flat)
    assert not chain.layers[0].shift.any()


def test_the_inverse_of_a_transform_is_the_other_way_round():
    """Kills: the determinant of the way there, or at the wrong point."""
    transform = shaken(ActNorm(4), seeded(4))
    check_transform(Inverse(transform), points())
    assert_close(Inverse(transform).encode(points())[0], transform.decode(points()))


def test_a_permutation_moves_what_it_says():
    """An order that is not its own inverse. Kills: the inverse order."""
    order = torch.tensor([2, 0, 1])
    x = torch.tensor([[10.0, 11.0, 12.0]])
    z, log_det = Permutation(order).encode(x)
    assert z.tolist() == [[12.0, 10.0, 11.0]]
    assert log_det.tolist() == [0.0]
    assert torch.equal(Permutation(order).decode(z), x)


def test_what_is_factored_out_stays_as_it_is():
    """Kills: the wrong end, a determinant lost."""
    inner = linear(5, dim=2)
    split = FactorOut(inner, kept=2, dim=4)
    check_transform(split, points())
    z, log_det = split.encode(points())
    assert torch.equal(z[:, 2:], points()[:, 2:])
    assert_close(z[:, :2], inner.encode(points()[:, :2])[0])
    assert_close(log_det, inner.log_diagonal.sum().expand(3))


def test_what_goes_on_is_started_where_its_data_are():
    """Kills: an actnorm behind a split that no start reaches, one fitted to what leaves."""
    x = 3 + 2 * points(200)
    chain = Chain([FactorOut(ActNorm(2), kept=2, dim=4)])
    z, _ = chain.fit(x).encode(x)
    assert_close(z[:, :2].mean(0), torch.zeros(2))
    assert torch.equal(z[:, 2:], x[:, 2:])
    fixed = FactorOut(Permutation(torch.tensor([1, 0])), kept=2, dim=4)
    assert not hasattr(fixed, "fit")
    assert copy.deepcopy(chain.layers[0]).fit(x).transform is not chain.layers[0].transform


def test_squeezing_trades_space_for_channels():
    """Against PixelUnshuffle. Kills: rows and columns swapped."""
    x = torch.arange(2 * 2 * 4 * 6.0).view(2, 48)
    expected = torch.nn.PixelUnshuffle(2)(x.view(2, 2, 4, 6)).flatten(1)
    assert torch.equal(x[:, squeeze_order((2, 4, 6))], expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Chain([]), r"transforms: expected at least one, got none"),
        (lambda: Chain([torch.nn.Identity()]), r"transforms: expected encode.*got a Identity"),
        (lambda: Permutation(torch.tensor([0, 0])), r"order: expected a perm.*got.*\[0, 0\]"),
        (lambda: Permutation(torch.arange(2)[None]), r"order: expected a perm.*got.*\(1, 2\)"),
        (lambda: Permutation(torch.tensor([False, True])), r"order: expected an int64.*torch.bool"),
        (lambda: FactorOut(linear(0), kept=4, dim=4), r"kept: expected 0 < kept < 4, got 4"),
        (lambda: FactorOut(linear(0), kept=0, dim=4), r"kept: expected 0 < kept < 4, got 0"),
        (lambda: squeeze_order((1, 3, 4)), r"shape: expected an even.*got 3 and 4"),
        (lambda: StandardNormal(0), r"dim: expected"),
        (lambda: StandardNormal(1, temperature=0), r"temperature: expected.*got 0"),
        (lambda: StandardNormal(2).log_prob(torch.zeros(1, 3)), r"z: expected shape.*got"),
        (lambda: Permutation(torch.arange(2)).encode(torch.zeros(1, 3)), r"x: expected shape"),
        (lambda: Permutation(torch.arange(2)).decode(torch.zeros(1, 3)), r"z: expected shape"),
        (lambda: FactorOut(linear(0), kept=4, dim=5).encode(points()), r"x: expected shape"),
        (lambda: FactorOut(linear(0), kept=4, dim=5).decode(points()), r"z: expected shape"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_the_mass_of_a_cold_flow_is_one():
    """By quadrature in the plane. Kills: a base that is not normalised."""
    flow = Transformed(linear(6, dim=2), StandardNormal(2, temperature=0.5))
    x = torch.linspace(-12, 12, 801)
    p = flow.log_prob(torch.cartesian_prod(x, x)).exp().sum() * 0.03**2
    assert math.isclose(p.item(), 1, abs_tol=1e-6)


def test_a_temperature_is_not_rounded_to_single_precision():
    """Kills: a temperature kept in torch's default type, and one that is 0 there."""
    torch.set_default_dtype(torch.float32)
    try:
        base, z = StandardNormal(3, temperature=0.7).double(), torch.ones(2, 3, dtype=torch.float64)
        expected = Normal(0.0, torch.tensor(0.7, dtype=torch.float64)).log_prob(z).sum(1)
        assert_close(base.log_prob(z), expected, rtol=1e-14, atol=0)
        with pytest.raises(ValueError, match="temperature: expected a finite number > 0, got 0"):
            StandardNormal(3, temperature=1e-50)
    finally:
        torch.set_default_dtype(torch.float64)
