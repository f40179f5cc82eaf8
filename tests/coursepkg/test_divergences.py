"""Terms of divergences in 40 digits: right to the last bits, and never below 0."""

import math

import mpmath
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from coursepkg.bayes.information import kl
from coursepkg.divergences import divergence_terms, excess
from coursepkg.graphs.table import JointTable
from coursepkg.models.autoencoders.gaussian import DiagonalGaussian
from coursepkg.models.gan.optimal import jensen_shannon
from coursepkg.models.masked.tables import groups_cost

SIZES = [10.0**-k for k in range(13)]


def exact_kl(p, q):
    """Σ p log(p / q) + q - p of the very numbers, in 40 digits."""
    with mpmath.workdps(40):
        pairs = zip(map(mpmath.mpf, p.tolist()), map(mpmath.mpf, q.tolist()), strict=True)
        return float(mpmath.fsum(b - a + a * mpmath.log(a / b) for a, b in pairs))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_excess_is_right_near_zero_and_far(dtype):
    """Kills: x - log1p(x) where both are small; a series that is cut too soon, or used too far."""
    x = torch.tensor([s * u for u in SIZES for s in (1, -0.99)] + [0.09, -0.09, 0.11, 30, 0.0])
    x = x.to(dtype)
    with mpmath.workdps(40):
        expected = [float(mpmath.mpf(v) - mpmath.log1p(mpmath.mpf(v))) for v in x.tolist()]
    close = 30 * torch.finfo(dtype).eps
    torch.testing.assert_close(excess(x).double(), torch.tensor(expected), rtol=close, atol=1e-40)
    assert (excess(x) >= 0).all()


def test_excess_has_the_slope_x_over_one_plus_x():
    """Kills: a slope that is NaN on the branch that is not taken."""
    x = torch.tensor([0.0, 1e-9, 0.05, -0.05, 0.5, 7.0]).requires_grad_()
    (slope,) = torch.autograd.grad(excess(x).sum(), x)
    torch.testing.assert_close(slope, (x / (1 + x)).detach(), rtol=1e-12, atol=1e-25)


def test_terms_at_the_edges():
    """Kills: 0 log 0 that is NaN, in value or slope; an infinity that is lost."""
    p = torch.tensor([0.0, 0.0, 0.5, 1e-310, 0.2])
    q = torch.tensor([0.0, 0.3, 0.0, 0.5, 0.2]).requires_grad_()
    terms = divergence_terms(p, q)
    assert terms.tolist() == [0.0, 0.3, math.inf, 0.5, 0.0]
    (slope,) = torch.autograd.grad(terms[[0, 1, 3, 4]].sum(), q)
    torch.testing.assert_close(slope[[0, 1, 3, 4]], torch.tensor([1.0, 1.0, 1.0, 0.0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kl_of_laws_that_nearly_agree(dtype):
    """Down to 1e-12 apart. Kills: H(p, q) - H(p), which is -6e-8 for the issue's pair."""
    pair = [torch.tensor(v, dtype=dtype) for v in ([0.3, 0.7], [0.300002, 0.699998])]
    assert kl(*pair).item() == pytest.approx(9.5e-12, rel=0.03)  # float32's own rounding of them
    for apart in SIZES:
        p = torch.tensor([0.3, 0.5, 0.2], dtype=dtype)
        q = (p + apart * torch.tensor([0.1, -0.15, 0.05], dtype=dtype)).to(dtype)
        for first, second in ((p, q), (q, p)):
            expected = exact_kl(first, second)
            assert kl(first, second).item() == pytest.approx(expected, rel=1e-6, abs=1e-44)
            assert kl(first, second) >= 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_jensen_shannon_of_laws_that_nearly_agree(dtype):
    """¼ of half the χ² for small differences. Kills: a middle law rounded to single precision."""
    p = torch.tensor([0.3, 0.7], dtype=dtype)
    for apart in (1e-3, 1e-5, 3e-7):
        q = p + apart * torch.tensor([1.0, -1.0], dtype=dtype)
        with mpmath.workdps(40):
            a, b = ([mpmath.mpf(v) for v in law.tolist()] for law in (p, q))
            m = [(u + v) / 2 for u, v in zip(a, b, strict=True)]
            pairs = [*zip(a, m, strict=True), *zip(b, m, strict=True)]
            both = [x * mpmath.log(x / y) + y - x for x, y in pairs]
            expected = float(mpmath.fsum(both) / 2)
        assert jensen_shannon(p, q).item() == pytest.approx(expected, rel=1e-6)
        assert jensen_shannon(p, q).dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kl_of_normals_that_nearly_agree(dtype):
    """Kills: r² - 1 beside log r, both small."""
    for apart in SIZES[1:]:
        one = DiagonalGaussian(*torch.tensor([[[0.7]], [[2.0 * (1 + apart)]]], dtype=dtype))
        two = DiagonalGaussian(*torch.tensor([[[0.7]], [[2.0]]], dtype=dtype))
        with mpmath.workdps(40):
            r = mpmath.mpf(one.std.item()) / 2
            expected = float((r**2 - 1) / 2 - mpmath.log(r))
        ours = one.kl(two).item()
        assert ours == pytest.approx(expected, rel=1e-5 if dtype == torch.float32 else 1e-11)
        assert ours >= 0
    far = DiagonalGaussian(torch.tensor([[1.0]]), torch.tensor([[9.0]]))
    expected = kl_divergence(Normal(1.0, 9.0), Normal(0.7, 2.0))
    two = DiagonalGaussian(torch.tensor([[0.7]]), torch.tensor([[2.0]]))
    assert far.kl(two).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_information_of_variables_that_are_nearly_independent(dtype):
    """I = ε² / 8 · ... for ε small: in 40 digits. Kills: a sum of four entropies."""
    for apart in (0.1, 1e-3, 1e-5):
        p = torch.full((2, 2), 0.25, dtype=torch.float64)
        p = p + apart * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]) / 4
        expected = ((1 + apart) * math.log1p(apart) + (1 - apart) * math.log1p(-apart)) / 2
        table = JointTable(["a", "b"], p.to(dtype))
        close = 1e-2 if dtype == torch.float32 else 1e-5  # of the table's own rounding
        assert table.mutual_information("a", "b").item() == pytest.approx(expected, rel=close)
        third = JointTable(["c", "a", "b"], torch.stack([p, p]).to(dtype) / 2)
        given = third.mutual_information("a", "b", given="c").item()
        assert given == pytest.approx(expected, rel=close)
        cost = groups_cost(p.to(dtype).flatten(), [[0, 1]], dim=2, levels=2)
        assert cost == pytest.approx(expected, rel=close)
    alone = JointTable(["a", "b"], torch.outer(*torch.tensor([[0.3, 0.7], [0.1, 0.9]])).to(dtype))
    assert 0 <= alone.mutual_information("a", "b") < 1e-14
