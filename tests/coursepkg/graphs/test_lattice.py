import copy
import itertools
import math

import mpmath
import networkx as nx
import pytest
import torch

from coursepkg.enumeration import Normalised
from coursepkg.graphs.lattice import (
    CRITICAL,
    CheckerboardGibbs,
    Lattice,
    ising,
    onsager_energy,
    potts,
    spontaneous_magnetisation,
)
from coursepkg.samplers import finite
from coursepkg.samplers.run import run
from tests.coursepkg.graphs.laws import crooked, slow_energy
from tests.oracles import state_index, states
from tests.statistics import assert_mean, assert_probs

SHAPES = pytest.mark.parametrize(
    ("height", "width", "periodic"),
    [
        (2, 3, False), (3, 2, False), (1, 5, False), (1, 1, False), (4, 1, False),
        (3, 3, True), (3, 4, True), (4, 3, True),
    ],
)  # fmt: skip


@SHAPES
@pytest.mark.equation("lattice-energy")
def test_the_energy_is_a_sum_over_neighbours(height, width, periodic, generator):
    """networkx knows who they are. Kills: a pair twice, a border that is glued, x transposed."""
    lattice = crooked(height, width, periodic=periodic, generator=generator)
    x = torch.randint(3, (20, height * width), generator=generator)
    expected = torch.tensor([slow_energy(lattice, row) for row in x.tolist()])
    torch.testing.assert_close(lattice.energy(x), expected)
    torch.testing.assert_close(lattice.free_energy(x), 0.7 * expected)


@SHAPES
@pytest.mark.equation("transfer-matrix")
@pytest.mark.equation("mean-energy")
@pytest.mark.equation("site-marginals")
def test_the_transfer_matrix_agrees_with_enumeration(height, width, periodic, generator):
    """log Z, its slopes, and the law. Kills: a border bond lost or twice, rows for columns."""
    levels = 2 if periodic else 3
    lattice = crooked(height, width, periodic=periodic, generator=generator, levels=levels)
    x = states(levels, height * width)
    energy = lattice.energy(x)
    log_Z = torch.logsumexp(-0.7 * energy, 0)
    torch.testing.assert_close(lattice.log_z(), log_Z)
    p = (-0.7 * energy - log_Z).exp()
    torch.testing.assert_close(lattice.mean_energy(), p @ energy)
    shares = torch.einsum("s,sdk->dk", p, torch.nn.functional.one_hot(x, levels).double())
    torch.testing.assert_close(lattice.marginals(), shares)
    torch.testing.assert_close(Normalised(lattice).log_prob(x).exp(), p)


@pytest.mark.equation("transfer-matrix")
@pytest.mark.parametrize("beta", [0.01, 3.0])
def test_a_long_strip_neither_overflows_nor_loses_digits(beta):
    """A chain of 2,000 spins has log Z = log 2 + 1999 log(2 cosh β). Kills: no rescaling.

    To within the rounding of so many additions, in either precision.
    """
    expected = math.log(2) + 1999 * math.log(2 * math.cosh(beta))
    double = ising(2000, 1, beta=beta)
    for strip in (double, copy.deepcopy(double).float()):
        log_z, dtype = strip.log_z(), strip.pair.dtype
        assert log_z.dtype == dtype
        assert log_z.item() == pytest.approx(expected, rel=2000 * torch.finfo(dtype).eps)


@pytest.mark.equation("transfer-matrix")
def test_log_z_has_a_gradient_in_the_pair_energy(generator):
    """Numerical differences, with a symmetric change. Kills: a detached part."""

    def log_z(entries):
        pair = torch.stack([entries[0], entries[1], entries[1], entries[2]]).view(2, 2)
        return Lattice(3, 4, pair, torch.tensor([0.1, -0.2]), beta=0.6).log_z()

    entries = torch.randn(3, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(log_z, entries)


@pytest.mark.equation("ising-energy")
@pytest.mark.parametrize("periodic", [False, True])
def test_ising_is_written_in_spins(periodic, generator):
    """A loop over the formula. Kills: levels for spins, the sign of the field."""
    lattice = ising(4, 3, beta=0.4, field=0.3, periodic=periodic)
    x = torch.randint(2, (10, 12), generator=generator)
    grid = nx.grid_2d_graph(4, 3, periodic=periodic)
    for row, energy in zip(x, lattice.energy(x), strict=True):
        s = 2 * row.view(4, 3) - 1
        expected = -sum((s[i] * s[j]).item() for i, j in grid.edges) - 0.3 * s.sum().item()
        assert energy.item() == pytest.approx(expected)


@pytest.mark.equation("potts-energy")
@pytest.mark.parametrize(("periodic", "levels"), [(False, 5), (False, 2), (True, 3)])
def test_potts_counts_equal_neighbours(periodic, levels, generator):
    """A loop over the formula. Kills: a sign, neighbours across a free border."""
    lattice = potts(3, 4, levels, beta=0.9, periodic=periodic)
    edges = nx.grid_2d_graph(3, 4, periodic=periodic).edges
    x = torch.randint(levels, (10, 12), generator=generator)
    for row, energy in zip(x.view(-1, 3, 4).tolist(), lattice.energy(x), strict=True):
        assert energy.item() == -sum(row[a][b] == row[c][d] for (a, b), (c, d) in edges)


def test_potts_with_two_levels_is_ising_at_half_the_inverse_temperature():
    """s s' = 2 [equal] - 1, on 17 bonds. Kills: the same β in both."""
    two = potts(3, 4, 2, beta=0.8).log_z() - 0.4 * 17
    torch.testing.assert_close(two, ising(3, 4, beta=0.4).log_z())


# Gibbs


@SHAPES
@pytest.mark.equation("lattice-conditional")
def test_the_conditional_follows_from_the_energy(height, width, periodic, generator):
    """p(x_i = k | rest) ∝ exp(-β E). Kills: a neighbour across a free border, β forgotten."""
    lattice = crooked(height, width, periodic=periodic, generator=generator)
    x = torch.randint(3, (4, height * width), generator=generator)
    p = lattice.conditional_probs(x)
    for i in range(height * width):
        changed = x[:, None].repeat(1, 3, 1)
        changed[:, :, i] = torch.arange(3)
        log_p = -lattice.free_energy(changed.flatten(0, 1)).view(4, 3)
        torch.testing.assert_close(p[:, i], torch.softmax(log_p, 1))


@pytest.mark.equation("lattice-conditional")
@pytest.mark.parametrize("levels", [2, 3])
def test_a_sweep_goes_as_the_product_of_its_updates(levels, generator):
    """By matrix: black sites one after the other, then white ones. Kills: all sites at once."""
    H, W = 2, 2
    lattice = crooked(H, W, generator=generator, levels=levels)
    table = (-lattice.free_energy(states(levels, H * W))).exp().view([levels] * (H * W))
    P = torch.eye(table.numel())
    for site in (0, 3, 1, 2):
        P = P @ finite.gibbs_update(table, site)
    x = torch.tensor([[1, 0, 0, 1]])
    ran = run(CheckerboardGibbs(lattice), x.expand(300_000, -1), steps=1, generator=generator)
    assert_probs(state_index(ran.x[0], levels), P[state_index(x, levels)[0]], detects=0.05)
    different = (ran.x[0] != x).double().mean(1)
    torch.testing.assert_close(ran.info.moved[0], different)


@pytest.mark.parametrize("periodic", [False, True])
def test_chains_find_the_exact_energy_from_a_cold_start(periodic, generator):
    """4 × 6 sites. Kills: black and white that overlap, a kernel that never moves."""
    lattice = ising(4, 6, beta=0.35, field=0.1, periodic=periodic)
    x = torch.zeros(8000, 24, dtype=torch.int64)
    ran = run(CheckerboardGibbs(lattice), x, steps=40, thin=40, generator=generator)
    assert_mean(lattice.energy(ran.x[0]), lattice.mean_energy().item(), detects=1.4)


def test_a_step_changes_nothing_that_it_was_given(generator):
    kernel = CheckerboardGibbs(ising(4, 4, beta=0.2))
    x = torch.zeros(5, 16, dtype=torch.int64)
    state = kernel.init(x)
    new, _ = kernel.step(state, generator=generator)
    assert new.x.any()
    assert not state.x.any()
    state.x.fill_(1)
    assert not x.any()


# the infinite lattice


def onsager_log_z(beta, points=400):
    """log Z a site, by the double integral of Onsager's solution (midpoints)."""
    angle = (torch.arange(points) + 0.5) * math.pi / points
    c, s = torch.cosh(2 * beta), torch.sinh(2 * beta)
    inside = c**2 - s * (angle.cos()[:, None] + angle.cos())
    return math.log(2) + inside.log().mean() / 2


@pytest.mark.equation("onsager-energy")
@pytest.mark.parametrize("beta", [0.1, 0.3, 0.4, 0.48, 0.7, 1.5])
def test_onsagers_energy_is_the_slope_of_his_integral(beta):
    """Quadrature and autograd. Kills: a sign, k for k², β for 2β."""
    b = torch.tensor(beta, requires_grad=True)
    (slope,) = torch.autograd.grad(onsager_log_z(b), b)
    assert onsager_energy(beta) == pytest.approx(-slope.item(), abs=1e-7)


@pytest.mark.equation("onsager-energy")
@pytest.mark.parametrize(("beta", "size"), [(0.15, 8), (0.2, 9), (0.75, 8)])
def test_finite_rings_come_close_to_onsager_away_from_the_critical_point(beta, size):
    """Corrections fall as exp(-size/ξ). Kills: energies a bond for energies a site."""
    finite_size = ising(size, 16, beta=beta, periodic=True).mean_energy().item() / (16 * size)
    assert finite_size == pytest.approx(onsager_energy(beta), abs=2e-4)


@pytest.mark.equation("onsager-energy")
def test_at_the_critical_point_the_energy_is_minus_root_two():
    """There its slope is infinite. Kills: a factor that does not vanish."""
    assert onsager_energy(CRITICAL) == pytest.approx(-math.sqrt(2), abs=1e-12)
    assert math.sinh(2 * CRITICAL) == pytest.approx(1)
    steep = [(onsager_energy(CRITICAL + h) - onsager_energy(CRITICAL - h)) / (2 * h)
             for h in (1e-2, 1e-4, 1e-6)]  # fmt: skip
    gaps = [a - b for a, b in itertools.pairwise(steep)]  # the slope grows as a logarithm
    assert gaps[0] == pytest.approx(gaps[1], rel=0.05)
    assert gaps[0] > 5


@pytest.mark.equation("yang-magnetisation")
@pytest.mark.parametrize("beta", [0.6, 0.8])
def test_far_apart_spins_agree_as_yang_says(beta):
    """On an endless cylinder, ⟨s s'⟩ at half its girth tends to M². Kills: an exponent."""
    w = 10
    s = 2.0 * states(2, w) - 1
    within = (s * s.roll(1, 1)).sum(1)
    log_T = beta * (s @ s.T + within[:, None] / 2 + within / 2)
    top = torch.linalg.eigh((log_T - log_T.max()).exp()).eigenvectors[:, -1]
    correlation = (top.square() * s[:, 0] * s[:, w // 2]).sum().item()
    assert spontaneous_magnetisation(beta) ** 2 == pytest.approx(correlation, abs=2e-3)


@pytest.mark.equation("yang-magnetisation")
def test_a_warm_lattice_has_no_magnetisation():
    """And just below the critical temperature much. Kills: 2β_c for β_c, ≥ 0 on the warm side."""
    assert [spontaneous_magnetisation(beta) for beta in (0.01, 0.2, 0.44)] == [0, 0, 0]
    assert 0.4 < spontaneous_magnetisation(0.441) < 0.6


# refused


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ising(2, 4, beta=1.0, periodic=True),
            "sides >= 3, got 2 × 4: two sites in a ring",
        ),
        (lambda: ising(0, 4, beta=1.0), "^height: expected"),
        (lambda: ising(3, 4, beta=-1.0), "beta: expected"),
        (lambda: Lattice(2, 2, torch.tensor([[0.0, 1], [2, 0]]), torch.zeros(2)), "symmetric"),
        (lambda: Lattice(2, 2, torch.eye(2), torch.zeros(3)), r"expected \(2,\) or \(4, 2\)"),
        (lambda: Lattice(2, 2, torch.eye(2) * math.inf, torch.zeros(2)), "symmetric"),
        (lambda: Lattice(2, 2, torch.eye(2), torch.tensor([0, math.nan])), "site: expected"),
        (lambda: CheckerboardGibbs(ising(4, 5, beta=1.0, periodic=True)), "even sides"),
        (lambda: onsager_energy(0.0), "beta: expected"),
        (lambda: spontaneous_magnetisation(math.nan), "beta: expected"),
    ],
)
def test_lattices_that_are_none_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_wide_lattice_is_refused_with_its_price(generator):
    """23 by 23, glued 12 by 12; but three rows of 23 are summed the other way."""
    with pytest.raises(ValueError, match=r"rows of 23 sites: expected at most .* got 8.39e\+06"):
        ising(23, 23, beta=0.4).log_z()
    with pytest.raises(ValueError, match=r"rows of 12 sites: expected at most .* got 1.68e\+07"):
        ising(12, 12, beta=0.4, periodic=True).log_z()
    assert ising(3, 23, beta=0.4).log_z().isfinite()


@pytest.mark.equation("transfer-matrix")
def test_column_after_column_is_the_whole_matrix():
    """Five by fourteen spins, by V written out. Kills: columns that come back in another order."""
    lattice = ising(5, 14, beta=0.3, field=0.1)
    x = 2.0 * states(2, 5) - 1
    within = 0.3 * ((x[:, 1:] * x[:, :-1]).sum(1) + 0.1 * x.sum(1))
    log_T = 0.3 * x @ x.T + within
    log_row = within
    for _ in range(13):
        log_row = torch.logsumexp(log_row[:, None] + log_T, 0)
    torch.testing.assert_close(lattice.log_z(), torch.logsumexp(log_row, 0))


@pytest.mark.parametrize("x", [torch.zeros(1, 15, dtype=torch.int64), torch.full((1, 16), 2)])
def test_states_that_are_none_are_refused(x):
    lattice = ising(4, 4, beta=0.5)
    for question in (lattice.energy, CheckerboardGibbs(lattice).init):
        with pytest.raises(ValueError, match="x: expected"):
            question(x)
    with pytest.raises(TypeError, match="integer"):
        lattice.energy(torch.zeros(1, 16))


def test_closed_forms_are_right_hot_and_cold():
    """In 50 digits. Kills: sinh that overflows; a bracket that cancels for small β."""
    with mpmath.workdps(50):
        for beta in (1e-12, 1e-8, 1e-4, 5e-3, 9.9e-3, 1.1e-2, 0.3, 0.5, 3.0):
            b = mpmath.mpf(beta)
            t, kappa = (
                2 * mpmath.tanh(2 * b) ** 2 - 1,
                2 * mpmath.sinh(2 * b) / mpmath.cosh(2 * b) ** 2,
            )
            bracket = 1 + 2 / mpmath.pi * t * mpmath.ellipk(kappa**2)
            assert onsager_energy(beta) == pytest.approx(
                float(-mpmath.coth(2 * b) * bracket), rel=1e-12
            )
        for beta in (0.5, 1.0, 10.0):
            expected = (1 - mpmath.sinh(2 * mpmath.mpf(beta)) ** -4) ** mpmath.mpf("0.125")
            assert spontaneous_magnetisation(beta) == pytest.approx(float(expected), rel=1e-14)
    for beta in (355.0, 1e3, 1e300):
        assert spontaneous_magnetisation(beta) == pytest.approx(1.0, rel=1e-15)
        assert onsager_energy(beta) == pytest.approx(-2.0, rel=1e-15)


@pytest.mark.parametrize("periodic", [False, True])
def test_log_z_of_a_cold_lattice_with_fields_that_disagree(periodic):
    """Rows of opposite fields at β = 500, by all states. Kills: weights that underflow."""
    s = torch.tensor([-1.0, 1.0])
    site = torch.zeros(9, 2)
    site[:3, 1] = site[3:6, 0] = 1000.0
    lattice = Lattice(3, 3, -torch.outer(s, s), site, beta=500.0, periodic=periodic)
    x = states(2, 9)
    expected = (-lattice.free_energy(x)).logsumexp(0)
    torch.testing.assert_close(lattice.log_z(), expected, rtol=1e-12, atol=0)
    beta = torch.tensor(500.0, requires_grad=True)
    (slope,) = torch.autograd.grad(lattice.log_z_at(beta, lattice.site), beta)
    law = (-lattice.free_energy(x)).softmax(0)
    torch.testing.assert_close(slope, -(law * lattice.free_energy(x) / 500).sum())


def test_a_cold_lattice_knows_its_field():
    """β E is 40,000, what decides 0.8: by all states. Kills: the transfer matrix in float32."""
    cold = ising(2, 2, beta=1e4, field=1e-5).float()
    E = copy.deepcopy(cold).double().energy(states(2, 4))
    up = (-1e4 * E).softmax(0) @ (states(2, 4)[:, 0] == 1).double()
    marginals = cold.marginals()
    assert marginals.dtype == torch.float32
    assert marginals[0, 1].item() == pytest.approx(up.item(), rel=1e-6)
    assert cold.log_z().item() == pytest.approx((-1e4 * E).logsumexp(0).item(), rel=1e-7)


def test_a_hot_lattice_in_single_precision():
    """Four bonds: E = -4 β + O(β³). Kills: a sum of energies that cancel, in float32."""
    hot = ising(2, 2, beta=1e-6).float()
    assert hot.mean_energy().item() == pytest.approx(-4e-6, rel=1e-6)


def test_beta_is_not_rounded_to_single_precision():
    """Kills: torch.tensor(0.1) for a lattice in double precision, whose β is then 0.1 + 1e-9."""
    torch.set_default_dtype(torch.float32)
    try:
        lattice = ising(2, 2, beta=0.1).double()
        expected = (-lattice.free_energy(states(2, 4))).logsumexp(0).item()
        assert lattice.log_z().item() == pytest.approx(expected, rel=1e-14)
    finally:
        torch.set_default_dtype(torch.float64)
