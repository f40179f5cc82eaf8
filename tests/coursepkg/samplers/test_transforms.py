"""Maps against their formulas, autograd, scipy's laws, and areas measured with a ruler."""

import math

import pytest
import torch
from scipy import stats
from scipy.integrate import quad
from torch.distributions import Beta, Gamma, MultivariateNormal, Normal

from coursepkg.data import toy
from coursepkg.rng import seeded
from coursepkg.samplers.transforms import (
    box_muller,
    log_abs_det_jacobian,
    polar_normals,
    pushforward_log_prob,
    quantile,
    quantile_discrete,
)
from tests.statistics import assert_cdf, assert_mean

NORMAL = Normal(0.0, 1.0)


def standard_normal(z):
    """Log-density of N(0, I), (B, D) -> (B,)."""
    return NORMAL.log_prob(z).sum(1)


def midpoints(n):
    return (torch.arange(n) + 0.5) / n


@pytest.mark.equation("inverse-discrete")
def test_each_outcome_owns_a_piece_of_its_probability():
    """Kills: pieces shifted by one, the law without its running sum."""
    p = torch.tensor([0.2, 0.0, 0.5, 0.3])
    k = quantile_discrete(p, midpoints(1000))
    assert torch.bincount(k).tolist() == [200, 0, 500, 300]
    assert k.dtype == torch.int64
    assert (k.diff() >= 0).all(), "the pieces must lie in order"


@pytest.mark.equation("inverse-discrete")
def test_outcomes_of_probability_zero_are_never_drawn():
    """Kills: u <= F_k, which gives level 0 to u = 0 although its probability is zero."""
    p = torch.tensor([0.0, 0.25, 0.0, 0.75, 0.0])
    u = torch.tensor([0.0, 0.25, 0.5, 1 - 1e-16])
    assert quantile_discrete(p, u).tolist() == [1, 3, 3, 3]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sum_that_rounds_below_one_has_no_outcome_beyond_the_last(dtype):
    """Kills: a cumulative sum that is not divided by its last value."""
    p = torch.full((1000,), 1e-3, dtype=dtype) * (1 - 1e-6)
    u = torch.tensor([1 - torch.finfo(dtype).eps], dtype=dtype)
    assert quantile_discrete(p, u).item() == 999


@pytest.mark.equation("inverse-discrete")
def test_rows_have_laws_of_their_own():
    """Kills: one row's law used for all."""
    p = torch.tensor([[0.5, 0.5], [0.1, 0.9]])
    k = quantile_discrete(p, midpoints(10).expand(2, 10))
    assert k.sum(1).tolist() == [5, 9]


@pytest.mark.parametrize(
    ("p", "u", "message"),
    [
        ([0.5, 0.6], [0.1], "sum to 1"),
        ([1.5, -0.5], [0.1], "probabilities >= 0"),
        ([math.nan, 1.0], [0.1], "probabilities >= 0"),
        ([0.5, 0.5], [1.0], r"numbers in \[0, 1\)"),
        ([0.5, 0.5], [-0.1], r"numbers in \[0, 1\)"),
        ([0.5, 0.5], [math.nan], r"numbers in \[0, 1\)"),
        ([[0.5, 0.5], [0.1, 0.9]], [0.1, 0.2, 0.3], "rows of p"),
    ],
)
def test_laws_and_noise_that_are_none_are_refused(p, u, message):
    with pytest.raises(ValueError, match=message):
        quantile_discrete(torch.tensor(p), torch.tensor(u))


LAWS = {
    "normal": stats.norm(1, 2),
    "gamma": stats.gamma(0.7),
    "beta": stats.beta(8, 4),
    "student": stats.t(3),
}


@pytest.mark.equation("inverse-transform")
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_numerical_inverse_agrees_with_scipy(law):
    """Kills: the wrong half kept, too few halvings."""
    u = midpoints(101)
    x = quantile(lambda x: torch.from_numpy(law.cdf(x.numpy())), u, low=-50.0, high=50.0)
    torch.testing.assert_close(x, torch.from_numpy(law.ppf(u.numpy())), rtol=1e-9, atol=1e-9)


@pytest.mark.equation("inverse-transform")
def test_a_uniform_number_becomes_a_draw(generator):
    """Gumbel's law, F = exp(-e^-x), from its formula for F only."""
    u = torch.rand(40_000, generator=generator)
    x = quantile(lambda x: torch.exp(-torch.exp(-x)), u, low=-10.0, high=100.0)
    torch.testing.assert_close(x, -torch.log(-torch.log(u)))
    assert_cdf(x, lambda x: torch.from_numpy(stats.gumbel_r.cdf(x.numpy())), detects=0.03)


@pytest.mark.equation("inverse-transform")
def test_jumps_and_flat_parts_give_the_least_x():
    """Half the mass on x = 1, none on (1, 2), the rest even on (2, 3). Kills: F <= u for F < u."""

    def cdf(x):
        return torch.where(x < 1, 0.0, torch.where(x < 2, 0.5, (0.5 + (x - 2) / 2).clamp(0.5, 1)))

    x = quantile(cdf, torch.tensor([0.1, 0.49, 0.5, 0.75]), low=0.0, high=4.0)
    torch.testing.assert_close(x, torch.tensor([1.0, 1.0, 1.0, 2.5]))
    x = quantile(cdf, midpoints(1000), low=0.0, high=4.0)
    for at in (0.5, 1.0, 1.5, 2.0, 2.5):
        share = (x <= at).double().mean()
        assert share.item() == pytest.approx(cdf(torch.tensor(at)).item(), abs=1e-12)


def test_quantiles_outside_the_bracket_are_refused():
    with pytest.raises(ValueError, match=r"F\(low\) <= u <= F\(high\)"):
        quantile(NORMAL.cdf, torch.tensor([0.5, 0.999]), low=-3.0, high=3.0)
    with pytest.raises(ValueError, match=r"F\(low\) <= u <= F\(high\)"):
        quantile(NORMAL.cdf, torch.tensor([0.5, 0.0001]), low=-3.0, high=6.0)
    with pytest.raises(ValueError, match=r"F\(low\) <= u <= F\(high\)"):
        quantile(NORMAL.cdf, torch.tensor([0.5]), low=3.0, high=-3.0)
    with pytest.raises(ValueError, match="got NaN at"):
        quantile(lambda x: torch.where(x.abs() < 1, math.nan, NORMAL.cdf(x)), torch.tensor([0.5]),
                 low=-3.0, high=3.0)  # fmt: skip


@pytest.mark.equation("uniform-rank")
def test_a_continuous_variable_in_its_own_distribution_function_is_uniform():
    """Density 1 everywhere, by autograd through F⁻¹; and F of a discrete variable is not."""
    u = midpoints(50)[:, None]
    log_p = pushforward_log_prob(u, log_prob=standard_normal, inverses=[NORMAL.icdf])
    torch.testing.assert_close(log_p, torch.zeros(50))
    p = torch.tensor([0.5, 0.5])
    ranks = p.cumsum(0)[quantile_discrete(p, midpoints(100))]
    assert ranks.unique().tolist() == [0.5, 1.0]


@pytest.mark.equation("uniform-rank")
def test_ranks_are_uniform_where_the_distribution_function_is_flat_too(generator):
    """Even on (0, 1) and on (3, 4), with nothing between: F is continuous and has no inverse."""
    side, x = torch.rand(2, 40_000, generator=generator)
    x = torch.where(side < 0.3, x, 3 + x)
    ranks = torch.where(x < 3, 0.3 * x.clamp(max=1), 0.3 + 0.7 * (x - 3))
    assert_cdf(ranks, lambda u: u, detects=0.03)


@pytest.mark.equation("box-muller")
def test_box_muller_has_the_density_of_two_normals():
    """Autograd's Jacobian. Kills: a lost factor 2, log u_1 for log(1 - u_1) at u_1 = 0."""
    u = torch.rand(200, 2, generator=seeded(0)) * 0.999
    log_p = -log_abs_det_jacobian(box_muller, u)  # uniform noise has log-density 0
    torch.testing.assert_close(log_p, standard_normal(box_muller(u)), rtol=1e-9, atol=1e-9)


@pytest.mark.equation("box-muller")
def test_box_muller_can_be_undone_and_has_no_infinity():
    """One-to-one onto the plane. Kills: an angle over half a turn, coordinates exchanged."""
    u = torch.rand(200, 2, generator=seeded(1))
    z = box_muller(u)
    angle = torch.atan2(z[:, 1], z[:, 0]) / (2 * math.pi) % 1
    back = torch.stack([-torch.expm1(-z.square().sum(1) / 2), angle], dim=1)
    torch.testing.assert_close(back, u)
    assert box_muller(torch.zeros(1, 2)).tolist() == [[0.0, 0.0]]


def test_box_muller_ends_where_its_bits_end():
    """The claim of the docstring: the largest radius is √(2 log 2 · bits)."""
    for dtype, bits in ((torch.float32, 24), (torch.float64, 53)):
        u = torch.tensor([[1 - 2.0**-bits, 0.0]], dtype=dtype)
        r = box_muller(u)[0, 0].item()
        assert r == pytest.approx(math.sqrt(2 * bits * math.log(2)), rel=1e-6)
        assert box_muller(u).dtype == dtype


@pytest.mark.parametrize("u", [torch.rand(3), torch.zeros(2, 3), torch.ones(2, 2)])
def test_box_muller_refuses_what_is_no_pair_of_uniforms(u):
    with pytest.raises(ValueError, match="expected"):
        box_muller(u)


@pytest.mark.equation("polar-method")
def test_polar_method_point_by_point():
    """The loop of the text, on the same noise. Kills: points outside the circle kept."""
    n = 50
    noise, expected = seeded(3), []
    while len(expected) < n:
        for v_1, v_2 in (2 * torch.rand(n, 2, generator=noise) - 1).tolist():
            s = v_1**2 + v_2**2
            if 0 < s < 1:
                expected.append([v * math.sqrt(-2 * math.log(s) / s) for v in (v_1, v_2)])
    torch.testing.assert_close(polar_normals(n, generator=seeded(3)), torch.tensor(expected[:n]))


@pytest.mark.equation("polar-method")
def test_polar_pairs_are_independent_normals(generator):
    """Each coordinate, and a mixed one. Kills: log s / s² and the like."""
    z = polar_normals(100_000, generator=generator)
    assert z.shape == (100_000, 2)
    for side in ([1.0, 0.0], [0.0, 1.0], [0.6, -0.8]):
        assert_cdf(z @ torch.tensor(side), NORMAL.cdf, detects=0.02)
    with pytest.raises(ValueError, match="n: expected"):
        polar_normals(0, generator=generator)


def bent(z):
    """A smooth map of the plane whose Jacobian determinant is negative, and varies."""
    return torch.stack([z[:, 1] + z[:, 0].sin() / 2, z[:, 0] + z[:, 1] ** 2 / 8], dim=1)


@pytest.mark.equation("volume-factor")
def test_volume_factor_is_the_area_of_a_small_parallelogram():
    """Central differences, then the shoelace formula. Kills: log det without the absolute value."""
    z, h = torch.randn(20, 2, generator=seeded(4)), 1e-4
    side = [
        (bent(z + h * e) - bent(z - h * e)) / (2 * h) for e in torch.eye(2)
    ]  # two edges, (20, 2) each
    area = side[0][:, 0] * side[1][:, 1] - side[0][:, 1] * side[1][:, 0]
    assert (area < 0).any(), "vacuous: no reflection among the points"
    torch.testing.assert_close(log_abs_det_jacobian(bent, z).exp(), area.abs(), rtol=1e-6, atol=0)


@pytest.mark.equation("volume-factor")
def test_volume_factor_of_a_matrix_is_its_determinant():
    """In five dimensions, for every row alike. Kills: a sum of the rows' Jacobians."""
    A = torch.randn(5, 5, generator=seeded(5))
    expected = torch.linalg.det(A).abs().log().expand(7)
    z = torch.randn(7, 5, generator=seeded(6))
    torch.testing.assert_close(log_abs_det_jacobian(lambda z: z @ A.T, z), expected)
    flat = log_abs_det_jacobian(lambda z: z[:, :1].expand(-1, 2), torch.zeros(1, 2))
    assert flat.item() == -math.inf


def test_maps_to_another_dimension_are_refused():
    with pytest.raises(ValueError, match="to itself"):
        log_abs_det_jacobian(lambda z: z[:, :1], torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"shape \(B, D\)"):
        log_abs_det_jacobian(lambda z: z, torch.zeros(3))
    with pytest.raises(ValueError, match="finite"):
        pushforward_log_prob(torch.full((1, 1), math.nan), log_prob=standard_normal,
                             inverses=[torch.log])  # fmt: skip
    with pytest.raises(ValueError, match="at least one branch"):
        pushforward_log_prob(torch.ones(1, 1), log_prob=standard_normal, inverses=[])


@pytest.mark.equation("change-of-variables-line")
def test_densities_on_the_line_that_rise_and_fall():
    """x = e^z and x = e^-z are both log-normal; x = 1/z of a Gamma is scipy's inverse Gamma.

    Both lines of the equation: by the inverse's derivative, and divided by that of the map.
    """
    x = torch.linspace(0.1, 6, 60)[:, None]
    expected = torch.from_numpy(stats.lognorm(1).logpdf(x[:, 0].numpy()))
    for sign in (1, -1):
        z = sign * torch.log(x)
        log_p = pushforward_log_prob(
            x, log_prob=standard_normal, inverses=[lambda x, sign=sign: sign * torch.log(x)]
        )
        torch.testing.assert_close(log_p, expected)
        stretch = log_abs_det_jacobian(lambda z, sign=sign: torch.exp(sign * z), z)
        torch.testing.assert_close(standard_normal(z) - stretch, expected)
    log_p = pushforward_log_prob(
        x, log_prob=lambda z: Gamma(2.5, 1.0).log_prob(z).sum(1), inverses=[torch.reciprocal]
    )
    expected = torch.from_numpy(stats.invgamma(2.5).logpdf(x[:, 0].numpy()))
    torch.testing.assert_close(log_p, expected)


@pytest.mark.equation("change-of-variables")
def test_the_banana_is_a_bent_normal():
    """Kills: the determinant with the sign of the forward map, one that is left out."""
    law = toy.Banana(bend=0.4, width=1.7)

    def inverse(x):
        bend = 0.4 * (x[:, 0] ** 2 - 1.7**2)
        return torch.stack([x[:, 0] / 1.7, x[:, 1] - bend], dim=1)

    x = law.sample(50, generator=seeded(7))
    log_p = pushforward_log_prob(x, log_prob=standard_normal, inverses=[inverse])
    torch.testing.assert_close(log_p, law.log_prob(x))


@pytest.mark.equation("change-of-variables")
def test_sum_and_share_of_two_gammas():
    """z_1 + z_2 is Gamma(a + b), z_1 / (z_1 + z_2) is Beta(a, b), and they are independent.

    The determinant, -1/(z_1 + z_2), is negative and moves, and both forms of the equation are
    used. Kills: the Jacobian of g taken at z in place of x, which a constant one would not show.
    """
    a, b = 2.5, 1.5

    def log_prob(z):
        return Gamma(torch.tensor([a, b]), torch.ones(2)).log_prob(z).sum(1)

    def forward(z):
        total = z.sum(1)
        return torch.stack([total, z[:, 0] / total], dim=1)

    def inverse(x):
        return torch.stack([x[:, 0] * x[:, 1], x[:, 0] * (1 - x[:, 1])], dim=1)

    z = 0.1 + 3 * torch.rand(40, 2, generator=seeded(8))
    x = forward(z)
    expected = Gamma(a + b, 1.0).log_prob(x[:, 0]) + Beta(a, b).log_prob(x[:, 1])
    log_p = pushforward_log_prob(x, log_prob=log_prob, inverses=[inverse])
    torch.testing.assert_close(log_p, expected)
    torch.testing.assert_close(log_prob(z) - log_abs_det_jacobian(forward, z), expected)


@pytest.mark.equation("change-of-variables")
def test_the_determinant_without_its_absolute_value_is_no_density():
    """Errata 002 L279–292: an exchange of two coordinates has determinant -1, not a density."""
    x = torch.tensor([[0.3, -1.2]])
    J = torch.autograd.functional.jacobian(lambda x: x.flip(0), x[0])
    printed = standard_normal(x.flip(1)).exp() * torch.linalg.det(J)
    ours = pushforward_log_prob(x, log_prob=standard_normal, inverses=[lambda x: x.flip(1)])
    assert printed.item() < 0 < ours.exp().item()
    torch.testing.assert_close(ours, standard_normal(x))


@pytest.mark.equation("change-of-variables-branches")
@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_the_square_needs_both_of_its_roots(mean):
    """z² of N(mean, 1) is non-central chi-squared; with one root half or so of the mass is lost."""
    peer = stats.ncx2(1, mean**2) if mean else stats.chi2(1)
    roots = [torch.sqrt, lambda x: -torch.sqrt(x)]

    def log_prob(z):
        return standard_normal(z - mean)

    x = torch.linspace(0.05, 9, 40)[:, None]
    log_p = pushforward_log_prob(x, log_prob=log_prob, inverses=roots)
    torch.testing.assert_close(log_p, torch.from_numpy(peer.logpdf(x[:, 0].numpy())))

    def density(y, branches):
        """In y = √x, whose factor 2y removes the pole at zero."""
        x = torch.tensor([[y * y]])
        log_p = pushforward_log_prob(x, log_prob=log_prob, inverses=branches)
        return log_p.exp().item() * 2 * y

    for branches, mass in ((roots, 1.0), (roots[:1], stats.norm.cdf(mean))):
        area, _ = quad(density, 1e-9, 12, args=(branches,))
        assert area == pytest.approx(mass, abs=1e-6)


@pytest.mark.equation("change-of-variables-branches")
def test_the_square_of_a_complex_number_has_two_branches_in_the_plane():
    """|z|² of N(0, I) is exponential with mean 2, and the angle stays uniform; J is no diagonal."""
    x = torch.randn(30, 2, generator=seeded(9))

    def root(x):
        r, angle = x.norm(dim=1).sqrt(), torch.atan2(x[:, 1], x[:, 0]) / 2
        return torch.stack([r * angle.cos(), r * angle.sin()], dim=1)

    branches = [root, lambda x: -root(x)]
    log_p = pushforward_log_prob(x, log_prob=standard_normal, inverses=branches)
    r = x.norm(dim=1)
    torch.testing.assert_close(log_p, -r / 2 - torch.log(4 * math.pi * r))


@pytest.mark.equation("change-of-variables-branches")
def test_a_branch_counts_where_it_is_defined_only():
    """z even on (-1, 2): below x = 1 the square has two branches, above it one."""
    x = torch.linspace(0.05, 3.95, 40)[:, None]

    def log_prob(z):
        return torch.where((z > -1) & (z < 2), -math.log(3), -math.inf)[:, 0]

    log_p = pushforward_log_prob(
        x, log_prob=log_prob, inverses=[torch.sqrt, lambda x: -torch.sqrt(x)]
    )
    count = torch.where(x < 1, 2, 1)
    torch.testing.assert_close(log_p.exp()[:, None], count / (6 * x.sqrt()))


@pytest.mark.equation("gaussian-affine")
def test_an_affine_map_of_normals_is_gaussian(generator):
    """The printed density, torch's, and draws; L is no triangle and reflects. Kills: LᵀL."""
    L = torch.tensor([[1.0, 0.4, 0.7], [0.8, -0.5, 0.0], [-0.6, 0.3, 2.0]])
    assert torch.linalg.det(L) < -1.5, "vacuous: no reflection"
    mean = torch.tensor([1.0, -2.0, 0.5])
    Sigma = L @ L.T
    x = torch.randn(30, 3, generator=generator)
    log_p = pushforward_log_prob(
        x, log_prob=standard_normal, inverses=[lambda x: torch.linalg.solve(L, (x - mean).T).T]
    )
    square = ((x - mean) @ Sigma.inverse() * (x - mean)).sum(1)
    printed = torch.exp(-square / 2) / ((2 * math.pi) ** (3 / 2) * Sigma.det().sqrt())
    torch.testing.assert_close(log_p.exp(), printed)
    torch.testing.assert_close(log_p, MultivariateNormal(mean, Sigma).log_prob(x))
    z = box_muller(torch.rand(300_000, 2, generator=generator)).view(-1, 3)
    draws = mean + z @ L.T
    for i in range(3):
        assert_mean(draws[:, i].contiguous(), mean[i].item(), detects=0.06)
        for j in range(i + 1):
            product = ((draws - mean)[:, i] * (draws - mean)[:, j]).contiguous()
            assert_mean(product, Sigma[i, j].item(), detects=0.15)


def test_rare_outcomes_in_single_precision():
    """1,024 outcomes of 2^-30 behind a frequent one. Kills: a running sum in float32."""
    p = torch.full((1025,), 2.0**-30, dtype=torch.float32)
    p[0] = 1 - 2.0**-20
    u = 1 - 2.0**-20 + (torch.arange(1024) + 0.5) * 2.0**-30
    assert quantile_discrete(p, u).tolist() == list(range(1, 1025))


def test_a_jacobian_that_is_nearly_singular():
    """log(a d - b c) with a d - b c = 2^-20. Kills: its determinant in float32, two digits."""
    A = torch.tensor([[1.0, 1.0], [3.0, 3.0 + 2**-20]], dtype=torch.float32)
    found = log_abs_det_jacobian(lambda z: z @ A, torch.ones(1, 2, dtype=torch.float32))
    assert found.item() == pytest.approx(-20 * math.log(2), rel=1e-7)
