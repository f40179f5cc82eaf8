"""Residual layers: exact Jacobians, Banach's bound, series with known sums, unbiased roulette."""

import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.flows import (
    ContractiveMLP,
    Residual,
    banach_inverse,
    log_det_series,
    predicted_iterations,
    roulette_weights,
    truncated_weights,
)
from coursepkg.rng import seeded
from tests.coursepkg.models.flows.truth import check_transform, pressed
from tests.statistics import assert_mean


def contraction(*, dim: int = 3, c: float = 0.8) -> ContractiveMLP:
    net = ContractiveMLP([dim, 10, dim], contraction=c, steps=60, generator=seeded(0))
    return pressed(net, seeded(5))


def points(n: int = 3, dim: int = 3) -> torch.Tensor:
    return torch.randn(n, dim, generator=seeded(1))


def test_the_exact_layer_is_its_jacobian_and_is_undone():
    """Kills: J for I + J, an inverse that stops early, a sign."""
    layer = Residual(contraction(), dim=3, tolerance=1e-10)
    check_transform(layer, points())
    z, log_det = layer.encode(points())
    assert_close(z, points() + layer.net(points()))
    assert log_det.abs().max() > 0.1, "vacuous: no volume"


@pytest.mark.equation("banach-iteration")
def test_the_guesses_are_those_of_the_iteration():
    """A slow loop. Kills: a sign, an average of two guesses, the distance of the wrong points."""
    g, z = contraction(c=0.7), 2 * points(4)
    found, steps = banach_inverse(g, z, contraction=0.7, tolerance=1e-8)
    guesses = [z]
    for _ in steps:
        guesses.append((z - g(guesses[-1])).detach())
    moved = torch.stack(guesses).diff(dim=0).norm(dim=2).max(1).values
    assert_close(torch.tensor(steps), moved)
    assert_close(found, guesses[-1])
    assert len(steps) > 5, "vacuous: it was there at once"


@pytest.mark.equation("banach-error")
@pytest.mark.parametrize("c", [0.3, 0.9])
def test_no_guess_is_farther_than_banach_allows_and_one_map_is_as_far(c):
    """g(x) = -c x attains the bound, a network keeps it, and the prediction is the bound's.

    Kills: 1 - c forgotten, c to another power.
    """
    for g, attained in ((lambda x: -c * x, True), (contraction(c=c), False)):
        x = points(20)
        z = (x + g(x)).detach()
        y, errors, first = z, [], None
        for _ in range(30):
            y, before = (z - g(y)).detach(), y
            first = (y - before).norm(dim=1) if first is None else first
            errors.append((y - x).norm(dim=1))
        n = torch.arange(1.0, 31)[:, None]
        bound = c**n / (1 - c) * first
        assert (torch.stack(errors) <= bound * (1 + 1e-9) + 1e-14).all()
        if attained:
            assert_close(torch.stack(errors), bound, rtol=1e-6, atol=1e-14)
            least = predicted_iterations(
                first.max().item(), contraction=c, tolerance=bound.max(1).values[6].item() * 1.0001
            )
            assert least == 7


def stretches(c, apart):
    """The least and the largest distance that two points may have behind a block."""
    return (1 - c) * apart, (1 + c) * apart


@pytest.mark.equation("residual-stretch")
@pytest.mark.parametrize("c", [0.3, 0.9])
def test_a_block_stretches_and_shrinks_by_no_more(c):
    """Pairs near and far under a network; g = ± c x attain the two ends. Kills: c halved."""
    layer = Residual(contraction(c=c), dim=3)
    x, y = points(500), points(500) + 10 ** points(500)[:, :1] * torch.ones(3)
    least, most = stretches(c, (x - y).norm(dim=1))
    behind = (layer.encode(x)[0] - layer.encode(y)[0]).norm(dim=1)
    assert ((least <= behind) & (behind <= most)).all()
    for sign, end in ((-1, least), (1, most)):
        assert_close(((x + sign * c * x) - (y + sign * c * y)).norm(dim=1), end)


def lengths(a2, L):
    """Mean share of a gradient's squared length behind L plain and L residual layers."""
    return a2**L, (1 + a2) ** L


@pytest.mark.equation("identity-path")
@pytest.mark.parametrize(("a2", "L"), [(0.25, 1), (0.25, 3), (1.0, 2)])
def test_mean_squared_length_of_a_gradient(a2, L):
    """Random Jacobians with independent entries. Kills: 1 + L a², the cross term."""
    D, many = 8, 20_000
    J = torch.randn(L, many, D, D, generator=seeded(L)) * math.sqrt(a2 / D)
    delta = torch.randn(D, generator=seeded(9))
    for identity, expected in zip((0.0, 1.0), lengths(a2, L), strict=True):
        back = delta.expand(many, D)
        for layer in J:
            back = identity * back + torch.einsum("nij,ni->nj", layer, back)
        share = back.square().sum(1) / delta.square().sum()
        assert_mean(share, expected, detects=0.2 * expected)


def test_the_inverse_needs_no_more_steps_than_banach_predicts():
    """Every error under c^n / (1 - c) ‖x_1 - x_0‖, and 1e-6 within the prediction.

    Kills: a tolerance on the step and not on the distance, an early stop.
    """
    g, x = contraction(c=0.9), points(20)
    z = (x + g(x)).detach()
    found, steps = banach_inverse(g, z, contraction=0.9, tolerance=1e-6)
    assert (found - x).norm(dim=1).max() <= 1e-6
    assert len(steps) <= predicted_iterations(steps[0], contraction=0.9, tolerance=1e-6)
    y = z
    for n in range(1, len(steps) + 1):
        y = z - g(y)
        error = (y - x).norm(dim=1).max().item()
        assert error <= 0.9**n / 0.1 * steps[0]
    assert steps[0] > 0.1, "vacuous: it starts at the end"


def test_a_slow_contraction_is_followed_to_its_end():
    """g(x) = -0.95 x: the error is 0.95^n exactly, so that a step of ε is still 19 ε away."""
    x, _ = banach_inverse(lambda x: -0.95 * x, torch.ones(1, 1), contraction=0.95, tolerance=1e-4)
    assert abs(x.item() - 20) <= 1e-4


@pytest.mark.equation("banach-error")
def test_the_prediction_is_banachs():
    """c = 1/2, first step 1, ε = 1/100: 2 · 2^-n ≤ 1/100 from n = 8 on.

    Kills: a short first step taken for one of the length of the tolerance.
    """
    assert predicted_iterations(1.0, contraction=0.5, tolerance=0.01) == 8
    for first in (0.0, 0.0005, 0.002):
        c, allowed = 0.9, 0.01
        slow = next(n for n in range(1, 999) if c**n / (1 - c) * first <= allowed)
        assert predicted_iterations(first, contraction=c, tolerance=allowed) == slow
    assert slow > 1


@pytest.mark.parametrize("c", [0.9, 0.99])
def test_single_precision_ends_at_its_rounding(c):
    """Steps never become shorter than the rounding of x. Kills: a contraction called none."""
    g = contraction(c=c).float()
    x = 5 * points(200).float()
    z = (x + g(x)).detach()
    found, steps = banach_inverse(g, z, contraction=c, tolerance=1e-12)
    assert (found - x).norm(dim=1).max() <= 1e-5 / (1 - c)
    assert len(steps) > 20, "vacuous: no contraction to speak of"


def test_a_map_that_stretches_is_noticed():
    """Kills: a loop without end, a wrong inverse that is handed back in silence."""
    with pytest.raises(ValueError, match=r"g: expected the inverse within 1e-06 after.*got a"):
        banach_inverse(lambda x: -1.5 * x, torch.ones(1, 2), contraction=0.5, tolerance=1e-6)
    with pytest.raises(ValueError, match=r"contraction: expected.*in \(0, 1\), got 1.0"):
        banach_inverse(lambda x: x, torch.ones(1, 2), contraction=1.0, tolerance=1e-6)


DIAGONAL = torch.tensor([0.5, -0.6, 0.3])  # signs square to 1: vᵀ J^k v is the trace, no noise


def scaled(x: torch.Tensor) -> torch.Tensor:
    return x * DIAGONAL


@pytest.mark.equation("log-det-series")
def test_the_series_is_the_log_determinant_whatever_the_eigenvalues():
    """Complex and repeated ones, of either sign; and of a map that is not linear.

    In two dimensions a turned stretch makes no noise under signs, nor does a diagonal Jacobian.
    Kills: a sign, 1/k lost, powers of the wrong matrix.
    """
    for angle, c in ((0.3, 0.9), (2.0, 0.8), (3.14, 0.7), (0.0, 0.5)):
        cos, sin = c * math.cos(angle), c * math.sin(angle)
        A = torch.tensor([[cos, -sin], [sin, cos]])
        x = points(2, 2)
        _, series = log_det_series(
            lambda y, A=A: y @ A.T, x, truncated_weights(x, 300), generator=seeded(0)
        )
        exact = torch.linalg.slogdet(torch.eye(2) + A)
        assert exact.sign == 1
        assert_close(series, exact.logabsdet.expand(2))
    x = points(4)
    _, series = log_det_series(
        lambda y: 0.8 * y.sin(), x, truncated_weights(x, 200), generator=seeded(0)
    )
    assert_close(series, torch.log1p(0.8 * x.cos()).sum(1))


def rest(D, c, n):
    """The largest error of n terms, as a sum, and what is not less."""
    missing = D * sum(c**k / k for k in range(n + 1, 4000))
    return missing, D * c ** (n + 1) / ((n + 1) * (1 - c))


@pytest.mark.equation("series-truncation")
@pytest.mark.parametrize("c", [0.01, 0.6, 0.95])
def test_what_a_truncated_series_misses(c):
    """g = -c x misses as much as possible, a network no more. Kills: c to the power n, D lost."""
    x, net = points(5), contraction(c=c)
    for n in (1, 4):
        missing, bound = rest(3, c, n)
        assert missing <= bound
        assert c > 0.01 or missing > 0.99 * bound, "the bound is near where c is small"
        _, series = log_det_series(
            lambda y: -c * y, x, truncated_weights(x, n), generator=seeded(0)
        )
        assert_close(series - 3 * math.log1p(-c), torch.full((5,), missing), rtol=1e-6, atol=1e-12)
        J = torch.func.vmap(torch.func.jacrev(lambda row: net(row[None])[0]))(x).detach()
        terms = [(-1) ** (k + 1) / k * torch.linalg.matrix_power(J, k) for k in range(1, n + 1)]
        traces = sum(term.diagonal(dim1=1, dim2=2).sum(1) for term in terms)
        error = traces - torch.linalg.slogdet(torch.eye(3) + J).logabsdet
        assert (error.abs() <= missing).all()


def sign_variance(A):
    """Σ_{i<j} (A_ij + A_ji)²."""
    return (A + A.T).triu(1).square().sum()


@pytest.mark.equation("hutchinson")
def test_mean_and_variance_of_random_signs():
    """All 2^D signs, and those that the package draws. Kills: signs all alike, normal noise."""
    for D in (1, 3, 4):
        A = 0.3 * torch.randn(D, D, generator=seeded(D))
        every = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * D).view(-1, D)
        values = torch.einsum("ni,ij,nj->n", every, A, every)
        assert_close(values.mean(), A.trace())
        assert_close(values.var(unbiased=False), sign_variance(A))
        x = torch.zeros(40_000, D)
        _, drawn = log_det_series(
            lambda y, A=A: y @ A.T, x, truncated_weights(x, 1), generator=seeded(0)
        )
        away = drawn - A.trace()
        if D == 1:
            assert_close(away, torch.zeros(40_000))
            continue
        assert_mean(drawn, A.trace().item(), detects=0.1)
        assert_mean(away.square(), sign_variance(A).item(), detects=0.3)


@pytest.mark.equation("log-det-series")
def test_the_series_of_a_diagonal_map_is_log_1_plus_lambda():
    """Term by term against Mercator's series. Kills: a sign, 1/k lost, powers off by one."""
    x = points()
    for terms in (1, 2, 5, 60):
        z, series = log_det_series(scaled, x, truncated_weights(x, terms), generator=seeded(0))
        k = torch.arange(1, terms + 1.0)[:, None]
        expected = ((-1) ** (k + 1) / k * DIAGONAL**k).sum()
        assert_close(series, expected.expand(3))
        assert_close(z, x + x * DIAGONAL)
    assert_close(series, torch.log1p(DIAGONAL).sum().expand(3))


def test_random_signs_estimate_the_trace_without_bias():
    """Of a map that is not diagonal. Kills: signs of one row for all, J for Jᵀ is harmless."""
    A = torch.tensor([[0.1, 0.5, 0.0], [-0.4, 0.2, 0.3], [0.2, 0.0, -0.3]])
    x = torch.zeros(20_000, 3)
    _, series = log_det_series(lambda y: y @ A.T, x, truncated_weights(x, 2), generator=seeded(0))
    assert_mean(series, (A.trace() - (A @ A).trace() / 2).item(), detects=0.05)
    assert series.std() > 0.1, "vacuous: no noise"


@pytest.mark.equation("roulette")
def test_the_weights_of_the_roulette_have_mean_one_for_every_term():
    """Kills: P(N = k) for P(N ≥ k), one term too few, one number of terms for all examples."""
    w = roulette_weights(torch.zeros(200_000, 1), sure=2, stop=0.4, generator=seeded(0))
    assert (w[:, :2] == 1).all()
    for k in range(6):
        assert w[:, k].mean().item() == pytest.approx(1, abs=0.03)
        late = max(0, k - 1)
        taken = w[:, k][w[:, k] > 0]
        assert_close(taken, torch.full_like(taken, 0.6**-late))
    assert w.shape[1] > 10
    assert ((w[:, 1:] > 0).int().diff(dim=1) <= 0).all(), "a sum that stopped goes on"


@pytest.mark.equation("roulette")
def test_the_roulette_has_no_bias_where_the_truncated_sum_has():
    """Against log|det|, of one point many times. Kills: weights forgotten."""
    layer = Residual(contraction(c=0.9), dim=3, sure=1, stop=0.15)
    x = points(1)
    _, exact = layer.encode(x)
    many = x.expand(6000, 3)
    _, found = layer.estimate(many, generator=seeded(0))
    assert_mean(found.detach(), exact.item(), detects=0.1)
    with torch.no_grad():
        _, short = log_det_series(layer.net, many, truncated_weights(many, 1), generator=seeded(1))
    error = 6 * short.std().item() / math.sqrt(6000)
    assert abs(short.mean().item() - exact.item()) > error, "vacuous: no bias to remove"


def test_the_estimate_is_differentiable_in_the_weights_and_free_of_graphs_without():
    """Its gradient is that of log|det| on average. Kills: a detached series."""
    net = contraction(dim=2)
    layer, x = Residual(net, dim=2, sure=12, stop=0.5), points(1, 2)
    weight = net.layers[0].linear.weight
    (exact,) = torch.autograd.grad(layer.encode(x)[1].sum(), weight)
    many = x.expand(3000, 2)
    (found,) = torch.autograd.grad(layer.estimate(many, generator=seeded(0))[1].mean(), weight)
    assert_close(found, exact, atol=0.1 * exact.abs().max().item(), rtol=0)
    with torch.no_grad():
        z, log_det = layer.estimate(x, generator=seeded(0))
    assert not z.requires_grad
    assert not log_det.requires_grad


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Residual(contraction(), dim=3, stop=1.0), r"stop: expected.*\(0, 1\), got 1.0"),
        (lambda: Residual(contraction(), dim=3, stop=0.0), r"stop: expected.*\(0, 1\), got 0.0"),
        (lambda: Residual(contraction(), dim=3, sure=0), r"sure: expected.*got 0"),
        (lambda: Residual(contraction(), dim=3, tolerance=0), r"tolerance: expected.*got 0"),
        (lambda: Residual(contraction(), dim=3).encode(points(dim=2)), r"x: expected shape"),
        (lambda: Residual(contraction(), dim=3).decode(points(dim=2)), r"z: expected shape"),
        (lambda: Residual(contraction(), dim=3).estimate(points(dim=2), generator=seeded(0)),
         r"x: expected shape"),
        (lambda: truncated_weights(points(), 0), r"terms: expected.*got 0"),
        (lambda: Residual(ContractiveMLP([3, 4, 1], contraction=0.5, generator=seeded(0)), dim=3),
         r"net: expected 3 inputs and outputs, got widths \(3, 4, 1\)"),
        (lambda: Residual(ContractiveMLP([1, 4, 3], contraction=0.5, generator=seeded(0)), dim=3),
         r"net: expected 3 inputs"),
        (lambda: banach_inverse(torch.sin, points() / 0, contraction=0.5, tolerance=1e-3),
         r"z: expected finite"),
        (lambda: banach_inverse(lambda x: x / 0 * 0, 0 * points(), contraction=0.5, tolerance=1.0),
         r"first: expected a length, got nan"),
        (lambda: banach_inverse(torch.sin, points(), contraction=0.5, tolerance=0), r"tolerance:"),
        (lambda: predicted_iterations(1.0, contraction=1.0, tolerance=0.1), r"contraction: expect"),
        (lambda: predicted_iterations(1.0, contraction=0.5, tolerance=0), r"tolerance: expected"),
        (lambda: roulette_weights(points(), sure=1, stop=1.0, generator=seeded(0)), r"stop: exp"),
        (lambda: roulette_weights(points(), sure=0, stop=0.5, generator=seeded(0)), r"sure: exp"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
