import math

import pytest
import torch

from coursepkg.samplers import finite
from coursepkg.samplers.gibbs import (
    GaussianConditional,
    RandomScanGibbs,
    SystematicGibbs,
    TableConditional,
)
from coursepkg.samplers.run import run
from tests.coursepkg.samplers.laws import EXACT, comes_home, gaussian, stays
from tests.statistics import assert_cdf, assert_probs

SCANS = [SystematicGibbs, RandomScanGibbs]
TABLE = torch.tensor([[[0.30, 0.02, 0.05], [0.01, 0.10, 0.02]],
                      [[0.03, 0.05, 0.12], [0.05, 0.05, 0.20]]])  # fmt: skip


def cell(x):
    """Number of the table's cell that x (C, 3) stands in."""
    return x[:, 0] * 6 + x[:, 1] * 3 + x[:, 2]


# a table


@pytest.mark.equation("gibbs-conditional")
@pytest.mark.parametrize("d", range(3))
def test_a_coordinate_is_drawn_from_its_row_of_the_table(d, generator):
    """From each cell. Kills: an axis of the table for another, the first chain's row for all."""
    cells = torch.cartesian_prod(torch.arange(2), torch.arange(2), torch.arange(3))
    x = cells.repeat(20_000, 1)
    drawn = TableConditional(7 * TABLE)(d, x, generator=generator)
    assert drawn.dtype == torch.int64
    for i, others in enumerate(cells):
        row = TABLE[tuple(slice(None) if j == d else others[j] for j in range(3))]
        assert_probs(drawn[i::12], row / row.sum(), detects=0.09)


@pytest.mark.equation("gibbs-update")
@pytest.mark.parametrize("start", [[0, 0, 0], [1, 0, 2]])
def test_a_sweep_goes_as_the_product_of_its_matrices(start, generator):
    """Kills: old values in place of the newest, another order, a coordinate that is left out."""
    x = torch.tensor(start).expand(EXACT, 3)
    draws = run(SystematicGibbs(TableConditional(TABLE)), x, steps=1, generator=generator)
    assert_probs(cell(draws.x[0]), finite.systematic_gibbs(TABLE)[cell(x[:1])[0]], detects=0.03)


@pytest.mark.slow
@pytest.mark.equation("gibbs-update")
def test_a_random_sweep_of_two_goes_as_its_matrix_squared(generator):
    """All chains share the order, so each step is one draw of it: many steps of one chain.

    Kills: each coordinate once, in a random order.
    """
    table = torch.tensor([[0.45, 0.05], [0.1, 0.4]])
    kernel = RandomScanGibbs(TableConditional(table))
    state = kernel.init(torch.tensor([[0, 1]]))
    ends = [kernel.step(state, generator=generator)[0].x for _ in range(6000)]
    row = (finite.random_scan_gibbs(table) @ finite.random_scan_gibbs(table))[1]
    assert_probs(torch.cat(ends) @ torch.tensor([2, 1]), row, detects=0.15)


@pytest.mark.parametrize("scan", SCANS)
def test_exact_draws_of_a_table_stay_so_and_chains_come_home_to_it(scan, generator):
    """Kills: a kernel that never moves; joint updates from old values."""
    kernel, p = scan(TableConditional(TABLE)), TABLE.flatten()
    cells = torch.cartesian_prod(torch.arange(2), torch.arange(2), torch.arange(3))
    exact = cells[torch.multinomial(p, EXACT, replacement=True, generator=generator)]
    draws = run(kernel, exact, steps=1, generator=generator)
    assert draws.info.moved.double().mean() > 0.2
    assert_probs(cell(draws.x[0]), p, detects=0.03)
    x = torch.tensor([[1, 1, 1]]).expand(20_000, 3)
    draws = run(kernel, x, steps=30, thin=30, generator=generator)
    assert_probs(cell(draws.x[0]), p, detects=0.1)


@pytest.mark.parametrize("scan", SCANS)
def test_moved_says_which_chains_have_another_value(scan, generator):
    kernel = scan(TableConditional(TABLE))
    old = kernel.init(torch.zeros(500, 3, dtype=torch.int64))
    new, info = kernel.step(old, generator=generator)
    assert torch.equal(info.moved, new.x.sum(1) > 0)
    assert 0 < info.moved.sum() < 500


# a Gaussian

COVARIANCE = torch.tensor([[1.0, 0.6, 0.2], [0.6, 1.5, -0.3], [0.2, -0.3, 0.5]]).double()
MEAN = torch.tensor([1.0, -2.0, 0.5]).double()


@pytest.mark.equation("gibbs-gaussian")
@pytest.mark.parametrize("d", range(3))
def test_a_coordinate_is_drawn_from_the_normal_that_schur_gives(d, generator):
    """From many places, by the covariance. Kills: a sign, Λ_dd for its root, an old x_d."""
    x = 3 * torch.randn(EXACT, 3, generator=generator) + 1
    others = [j for j in range(3) if j != d]
    gain = COVARIANCE[d, others] @ torch.linalg.inv(COVARIANCE[others][:, others])
    mean = MEAN[d] + (x - MEAN)[:, others] @ gain
    std = (COVARIANCE[d, d] - gain @ COVARIANCE[others, d]).sqrt()
    drawn = GaussianConditional(MEAN, COVARIANCE)(d, x, generator=generator)
    assert_cdf((drawn - mean) / std, torch.special.ndtr, detects=0.0125)


@pytest.mark.equation("gibbs-update")
@pytest.mark.parametrize("scan", SCANS)
def test_a_gaussian_stays_and_is_found_from_afar(scan, generator):
    """Kills: old values in place of the newest, a kernel that never moves."""
    law = gaussian(COVARIANCE, MEAN, far=[9.0, 9.0, -9.0])
    kernel = scan(GaussianConditional(MEAN, COVARIANCE))
    stays(kernel, law, generator=generator)
    comes_home(kernel, law, steps=40, generator=generator)


def test_a_gaussian_in_single_precision(generator):
    law = gaussian(COVARIANCE, MEAN, far=[])
    conditional = GaussianConditional(MEAN.float(), COVARIANCE.float())
    stays(SystematicGibbs(conditional), law, generator=generator, dtype=torch.float32)


# what conditionals do not say


@pytest.mark.equation("gibbs-conditional")
def test_copies_of_each_other_fit_every_law(generator):
    """x = y: the conditionals say "copy", for (λ, 1 - λ) whatever λ; and nobody ever moves."""
    x, copy = torch.tensor([[0, 0], [1, 1], [1, 1]]), torch.tensor([0, 0, 3, 3])
    for lam in (0.1, 0.6):
        table = torch.diag(torch.tensor([lam, 1 - lam]))
        assert torch.equal(finite.gibbs_update(table, 1), torch.eye(4)[copy])
        P = finite.systematic_gibbs(table)
        torch.testing.assert_close(table.flatten() @ P, table.flatten())
        assert len(finite.closed_classes(P)) == 2
        with pytest.raises(ValueError, match="several"):
            finite.stationary(P)
        for scan in SCANS:
            draws = run(scan(TableConditional(table)), x, steps=20, generator=generator)
            assert torch.equal(draws.x, x.expand(20, 3, 2))
            assert not draws.info.moved.any()


# refused


@pytest.mark.parametrize(
    "p",
    [torch.tensor([[0.5, -0.1], [0.3, 0.3]]), torch.zeros(2, 2), torch.tensor(1.0),
     torch.tensor([0.5, math.nan])],
)  # fmt: skip
def test_tables_that_are_none_are_refused(p):
    with pytest.raises(ValueError, match="expected a table"):
        TableConditional(p)


def test_a_start_that_cannot_occur_is_refused(generator):
    kernel = SystematicGibbs(TableConditional(torch.tensor([[0.5, 0.0], [0.5, 0.0]])))
    with pytest.raises(ValueError, match=r"got \[0, 1\], of which those other than 0"):
        kernel.step(kernel.init(torch.tensor([[0, 0], [0, 1]])), generator=generator)


@pytest.mark.parametrize("x", [[[0, 2, 0]], [[0, -1, 0]], [[0, 0]], [[0, 0, 0, 0]]])
@pytest.mark.parametrize("d", [0, 1])
def test_states_outside_the_table_are_refused(x, d, generator):
    """Kills: a level of -1 that counts from the end."""
    with pytest.raises(ValueError, match=r"expected \(C, 3\) with levels below \(2, 2, 3\)"):
        TableConditional(TABLE)(d, torch.tensor(x), generator=generator)


@pytest.mark.parametrize(
    ("mean", "covariance", "message"),
    [
        (torch.zeros(2), torch.eye(3), "expected shapes"),
        (torch.zeros(2, 2), torch.eye(2), "expected shapes"),
        (torch.zeros(2), torch.tensor([[1.0, 2.0], [2.0, 1.0]]), "positive definite"),
        (torch.zeros(2), torch.tensor([[1.0, 0.5], [0.0, 1.0]]), "symmetric"),
    ],
)
def test_gaussians_that_are_none_are_refused(mean, covariance, message):
    with pytest.raises(ValueError, match=message):
        GaussianConditional(mean, covariance)


@pytest.mark.parametrize(
    "wrong",
    [lambda d, x, *, generator: x, lambda d, x, *, generator: x[:, d].long(),
     lambda d, x, *, generator: x[:, d] * math.nan, lambda d, x, *, generator: x[:1, d]],
)  # fmt: skip
def test_conditionals_that_return_something_else_are_refused(wrong, generator):
    kernel = SystematicGibbs(wrong)
    with pytest.raises(ValueError, match=r"conditional: expected \(3,\) finite values"):
        kernel.step(kernel.init(torch.ones(3, 2)), generator=generator)


def test_conditionals_of_a_nearly_singular_covariance_in_single_precision():
    """Correlation 1 - 2⁻²⁴ · 2, exact in single precision. Kills: a root taken in it."""
    rho = 1 - 2.0**-23
    covariance = torch.tensor([[1.0, rho], [rho, 1.0]], dtype=torch.float32)
    law = GaussianConditional(torch.zeros(2, dtype=torch.float32), covariance)
    assert law.precision[0, 0].item() == pytest.approx(1 / (1 - rho**2), rel=1e-6)


def test_a_conditional_of_single_precision_forgets_what_it_was():
    """Λ_dd x_d is 5e9, what pulls is 5. Kills: a pull that subtracts what it added, in float32."""
    covariance = torch.tensor([[1.0, 0.99999], [0.99999, 1.0]], dtype=torch.float32)
    conditional = GaussianConditional(torch.zeros(2, dtype=torch.float32), covariance)
    x = torch.tensor([[1e5, 1e-3], [-1e5, 1e-3]], dtype=torch.float32)
    generators = (torch.Generator().manual_seed(0) for _ in range(2))
    first, second = (
        conditional(0, row[None], generator=generator)
        for row, generator in zip(x, generators, strict=True)
    )
    assert first.item() == second.item()
    low, high = (
        conditional(0, torch.tensor([[1e5, each]]).float(), generator=torch.Generator())
        for each in (1.0, 2.0)
    )
    assert (high - low).item() == pytest.approx(0.99999, rel=1e-4)
