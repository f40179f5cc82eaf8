import copy
import io
import math

import pytest
import torch
from scipy.integrate import dblquad
from torch.testing import assert_close

from coursepkg.enumeration import Normalised
from coursepkg.evaluation import nats
from coursepkg.models.energy import NeuralEnergy
from coursepkg.nets.mlp import MLP
from coursepkg.objectives.exact import ExactLikelihood
from coursepkg.rng import seeded

SCALE = 1.5


@pytest.fixture
def model(generator):
    """Weights far from the start, so that the network bends the bowl."""
    return bent(NeuralEnergy(2, [8, 8], scale=SCALE, generator=generator), generator)


def bent(model, generator):
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.5)
    return model


def slow(model, x):
    """F(x) of one point, written from the equation."""
    return model.net(x[None])[0, 0] + sum(x_d**2 for x_d in x) / (2 * model.scale**2)


@pytest.mark.equation("neural-energy")
def test_the_free_energy_is_a_network_in_a_bowl(model, generator):
    """Kills: the bowl's sign, σ for σ², a lost factor 2, a mean over the coordinates."""
    x = 2 * torch.randn(20, 2, generator=generator)
    expected = torch.stack([slow(model, row) for row in x])
    assert_close(model.free_energy(x), expected)
    assert torch.equal(model.log_density(x), -model.free_energy(x))
    assert expected.std() > 0.5, "vacuous: the energy is flat"


@pytest.mark.equation("neural-energy")
def test_a_constant_network_leaves_the_normal_law(generator):
    """Kills: a lost cell volume, a factor D forgotten, quadrature over half of the square."""
    for dim in (1, 2):
        model = NeuralEnergy(dim, [4], scale=SCALE, generator=generator)
        with torch.no_grad():
            for p in model.net.layers[-1].parameters():
                p.zero_()
        assert_close(model.log_z().item(), dim * math.log(math.sqrt(2 * math.pi) * SCALE))


def test_log_z_agrees_with_adaptive_quadrature(model):
    """Scipy's adaptive rule on the same integrand."""

    def p(y, x):
        return model.log_density(torch.tensor([[x, y]])).exp().item()

    with torch.no_grad():
        truth, error = dblquad(p, -12, 12, -12, 12, epsabs=1e-5, epsrel=1e-5)
    assert error < 1e-4 * truth
    assert model.log_z().item() == pytest.approx(math.log(truth), abs=2e-5)
    assert model.log_z(points=100).item() == pytest.approx(math.log(truth), abs=2e-5)


@pytest.mark.equation("neural-energy")
def test_without_the_bowl_the_integral_need_not_exist(model):
    """The network alone is Lipschitz: along a ray it is linear, and one way it goes down."""
    direction = torch.randn(200, 2, generator=seeded(1))
    far, farther = model.net(100 * direction)[:, 0], model.net(200 * direction)[:, 0]
    slope = (farther - far) / (100 * direction.norm(dim=1))
    assert slope.min() < 0, "vacuous: this network is a bowl itself"
    assert slope.abs().max() < 50
    assert (model.free_energy(200 * direction) > model.free_energy(100 * direction)).all()


@pytest.mark.equation("energy-gradient")
def test_log_z_has_the_gradient_of_the_likelihood(model, generator):
    """∇(-log p) = ∇F - E_p[∇F] of real x, by quadrature. Kills: log Z without a gradient."""
    side, points = 8 * SCALE, 400
    axis = (torch.arange(points) + 0.5) * (2 * side / points) - side
    x = torch.cartesian_prod(axis, axis)
    p = torch.softmax(-model.free_energy(x).detach(), dim=0)
    seen, weights = torch.randn(5, 2, generator=generator), list(model.parameters())[:-1]
    loss = ExactLikelihood(model).loss(seen, generator=generator).mean()
    expected = model.free_energy(seen).mean() - p @ model.free_energy(x)
    for got, formula in zip(
        torch.autograd.grad(loss, weights), torch.autograd.grad(expected, weights), strict=True
    ):
        assert_close(got, formula)
        assert got.abs().max() > 0.01


def test_normalised_in_the_plane_it_says_log_prob(model, generator):
    exact = Normalised(model)
    axis = (torch.arange(300) + 0.5) * (24 / 300) - 12
    mass = exact.log_prob(torch.cartesian_prod(axis, axis)).exp().sum() * (24 / 300) ** 2
    assert mass.item() == pytest.approx(1, abs=1e-6)
    assert nats(exact, torch.randn(5, 2, generator=generator)).sign == "="
    assert nats(model, torch.randn(5, 2, generator=generator), log_Z=0.0).sign == "≈"


def test_some_networks_are_laws_without_a_bowl(generator):
    """f = swish(x) + swish(-x) rises both ways; the text says "may fall", not "falls"."""
    net = MLP([1, 2, 1], generator=generator)
    values = ([[1.0], [-1.0]], [0.0, 0.0], [[1.0, 1.0]], [0.0])
    with torch.no_grad():
        for p, value in zip(net.parameters(), values, strict=True):
            p.copy_(torch.tensor(value))
        x = torch.linspace(-60, 60, 120_001)[:, None]
        Z = torch.trapezoid((-net(x)).exp()[:, 0], x[:, 0])
    assert Z.item() == pytest.approx(2.893, abs=1e-3)


def test_a_square_that_cuts_the_mass_is_refused(model):
    """Kills: no look at the edge, an edge that is the whole square."""
    with pytest.raises(ValueError, match=r"side: expected a square that holds the mass, got 1.5"):
        model.log_z(side=1.5)
    assert_close(model.log_z(side=9.0), model.log_z())


def test_a_broken_network_has_no_log_z(model):
    with torch.no_grad():
        model.net.layers[0].weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match="holds the mass"):
        model.log_z()


def test_three_dimensions_are_too_many_to_integrate(generator):
    model = NeuralEnergy(3, [4], scale=1.0, generator=generator)
    with pytest.raises(ValueError, match=r"expected at most 2\^22 .* got 6.4e\+07"):
        model.log_z()


@pytest.mark.parametrize(
    "bad", [torch.zeros(2, 3), torch.zeros(2), torch.zeros(0, 2), torch.full((1, 2), torch.nan)]
)
def test_bad_points_are_refused(model, bad):
    with pytest.raises(ValueError, match=r"expected.*got"):
        model.free_energy(bad)


@pytest.mark.parametrize(("dim", "hidden", "scale"), [(0, [3], 1.0), (2, [0], 1.0), (2, [3], 0.0)])
def test_impossible_models_are_refused(dim, hidden, scale, generator):
    with pytest.raises(ValueError, match="expected"):
        NeuralEnergy(dim, hidden, scale=scale, generator=generator)


def test_state_dict_round_trip_and_single_precision(model, generator):
    x = torch.randn(9, 2, generator=generator)
    other = NeuralEnergy(2, [8, 8], scale=SCALE, generator=seeded(5))
    assert not torch.equal(other.free_energy(x), model.free_energy(x))
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other.free_energy(x), model.free_energy(x))
    single = copy.deepcopy(model).float()
    assert single.free_energy(x.float()).dtype == single.log_z().dtype == torch.float32
    assert_close(single.free_energy(x.float()).double(), model.free_energy(x), rtol=1e-4, atol=1e-4)
    assert single.log_z().item() == pytest.approx(model.log_z().item(), abs=1e-4)


def test_same_generator_same_weights():
    a, b, c = (NeuralEnergy(2, [4], scale=1.0, generator=seeded(s)) for s in (1, 1, 2))
    x = torch.ones(1, 2)
    assert torch.equal(a.free_energy(x), b.free_energy(x))
    assert not torch.equal(a.free_energy(x), c.free_energy(x))
