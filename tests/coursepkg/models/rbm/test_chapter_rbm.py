"""Chapter 6: statements that no function computes, and the formulas of the sources that slip."""

import itertools
import math

import pytest
import torch
from torch.autograd.functional import jacobian
from torch.nn.functional import softplus

from coursepkg.enumeration import Normalised, binary_states
from coursepkg.models.boltzmann.machine import BoltzmannMachine
from coursepkg.models.rbm.binary import RBM
from coursepkg.models.rbm.learning import Enumeration, gradient
from coursepkg.models.rbm.spins import SpinRBM
from tests.oracles import states

V = binary_states(3, like=torch.zeros(1))
H = binary_states(2, like=torch.zeros(1))


@pytest.fixture
def rbm(generator):
    machine = RBM(3, 2, generator=generator, scale=1.0)
    with torch.no_grad():
        machine.b += torch.randn(3, generator=generator)
        machine.c += torch.randn(2, generator=generator)
    return machine


def minus_energies(rbm, v=V, h=H):
    """-E(v, h) for all pairs, as the double loop of the definition."""
    W, b, c = (p.detach() for p in (rbm.W, rbm.b, rbm.c))

    def link(x, y):
        return sum(x[i] * W[i, j] * y[j] for i in range(len(x)) for j in range(len(y)))

    return torch.stack([torch.stack([b @ x + c @ y + link(x, y) for y in h]) for x in v])


# any law at all


def lifting(law, a):
    """One hidden unit for each state but the least probable, as the proof sets them."""
    D = law.shape[0].bit_length() - 1
    v = binary_states(D, like=law)
    height = law.log() - law.log().min()
    lifted = height > 0
    target, delta = v[lifted], height[lifted]
    rbm = RBM(D, len(target), generator=torch.Generator())
    with torch.no_grad():
        rbm.W.copy_(a * (2 * target - 1).T)
        rbm.b.zero_()
        rbm.c.copy_(-a * target.sum(1) + delta.expm1().log())
    return rbm


@pytest.mark.equation("rbm-universal")
def test_a_hidden_unit_lifts_one_state_and_hardly_any_other(generator):
    """All v* of 1 and 3 bits, low and high. Kills: a bias of -a |v*| + δ, weights without sign."""
    for D, delta, a in itertools.product((1, 3), (0.1, 1.7, 6.0), (0.5, 2.5, 20.0)):
        v = binary_states(D, like=torch.zeros(1))
        for number, target in enumerate(v):
            w = a * (2 * target - 1)
            c = -a * target.sum() + math.log(math.expm1(delta))
            lift = softplus(c + v @ w)
            away = (v - target).abs().sum(1)
            torch.testing.assert_close(lift, (math.expm1(delta) * (-a * away).exp()).log1p())
            assert lift[number].item() == pytest.approx(delta)
            assert lift[away > 0].max() < math.expm1(delta) * math.exp(-a) + 1e-12


@pytest.mark.equation("rbm-universal")
def test_enough_hidden_units_make_any_law(generator):
    """Total variation falls as e^-a, on laws over 3 and 4 bits, within the exercise's bound."""
    for D in (3, 4):
        law = torch.rand(2**D, generator=generator) + 0.05
        law /= law.sum()
        errors = []
        for a in (6.0, 9.0):
            rbm = lifting(law, a)
            p = Normalised(rbm).log_prob(binary_states(D, like=law)).exp()
            errors.append((p - law).abs().sum().item() / 2)
            delta = (law.log().max() - law.log().min()).item()
            assert errors[-1] <= 0.5 * math.expm1(len(rbm.c) * math.exp(delta - a))
        assert errors[0] / errors[1] == pytest.approx(math.exp(3), rel=0.15)


def parity_machine(a):
    """The exercise's: one hidden unit, linked visible ones."""
    machine = BoltzmannMachine(3, 1, generator=torch.Generator())
    s = binary_states(4, like=torch.zeros(1))
    n = s[:, :3].sum(1)
    energy = a * n + 2 * a * n * (n - 1) / 2 - s[:, 3] * (4 * a * n - 4 * a)
    with torch.no_grad():
        machine.b.copy_(torch.tensor([-a, -a, -a, -4 * a]))
        machine.U.copy_(torch.tensor([[0.0, -2 * a, -2 * a, 4 * a], [0, 0, -2 * a, 4 * a],
                                      [0, 0, 0, 4 * a], [0, 0, 0, 0]]))  # fmt: skip
    torch.testing.assert_close(machine.energy(s).detach(), energy)
    return machine


def test_one_hidden_unit_and_links_between_the_visible_ones_tend_to_parity():
    """The solution of the exercise. Kills: a kink at N = 2, a couplings' sign."""
    p = Normalised(parity_machine(12.0)).log_prob(V).exp()
    torch.testing.assert_close(p, (V.sum(1) % 2 == 0) / 4.0, atol=1e-4, rtol=0)


def test_a_visible_only_machine_is_uniform_at_best_on_parity(generator):
    """Zero gradient at the uniform law, and no machine of fifty random ones does better."""
    even = V[V.sum(1) % 2 == 0]
    machine = BoltzmannMachine(3, generator=generator, scale=0.0)
    loss = machine.free_energy(even).mean() + machine.log_z()
    assert loss.item() == pytest.approx(math.log(8))
    slopes = torch.autograd.grad(loss, (machine.U, machine.b))
    assert max(slope.abs().max().item() for slope in slopes) < 1e-12
    for _ in range(50):
        other = BoltzmannMachine(3, generator=generator, scale=1.0)
        assert -Normalised(other).log_prob(even).mean() > math.log(8)


# the lecture notes' slips (000)


@pytest.mark.equation("rbm-hidden-given-visible")
def test_numerator_and_denominator_printed_alike_give_one(rbm):
    """Erratum 000 p(h | v): ours is the enumerated conditional, the printed fraction is 1."""
    joint = minus_energies(rbm).exp()
    conditional = joint / joint.sum(1, keepdim=True)  # (8 v, 4 h)
    q = rbm.hidden_probs(V).detach()
    product = (q[:, None] * H + (1 - q[:, None]) * (1 - H)).prod(-1)
    torch.testing.assert_close(product, conditional)
    a, b, W = rbm.b.detach(), rbm.c.detach(), rbm.W.detach()
    above = (V @ a).exp()[:, None] * ((H @ b) + V @ W @ H.T).exp()
    printed = above / above
    assert not torch.allclose(printed, conditional, atol=0.1)
    assert (printed.sum(1) - 4).abs().max() < 1e-12  # "probabilities" of 4 states that are all 1


@pytest.mark.equation("rbm-visible-given-hidden")
def test_the_visible_conditional_as_printed_belongs_to_the_other_layer(generator):
    """Erratum 000: on a square machine, where the printed shapes do not clash."""
    square = RBM(2, 2, generator=generator, scale=2.0)
    with torch.no_grad():
        square.b += torch.tensor([1.0, -1.0])
        square.c += torch.tensor([-0.5, 2.0])
    joint = minus_energies(square, H, H).exp()
    expected = (joint / joint.sum(0)).T @ H  # (4 h, 2)
    torch.testing.assert_close(square.visible_probs(H).detach(), expected)
    printed = torch.sigmoid(square.c + H @ square.W).detach()  # sigm(b_j + Σ_i w_ij v_i)
    assert (printed - expected).abs().max() > 0.1


@pytest.mark.equation("rbm-log-z")
def test_a_data_point_inside_the_sum_makes_every_image_equally_likely(rbm):
    """Erratum 000 log Z: with E(x, h) summed over v and h, log p(x) = -D log 2 for every x."""
    minus_E = minus_energies(rbm)
    printed = minus_E.logsumexp(1) - (3 * math.log(2) + minus_E.logsumexp(1))
    torch.testing.assert_close(printed, torch.full((8,), -3 * math.log(2)))
    ours = Normalised(rbm).log_prob(V)
    torch.testing.assert_close(ours, minus_E.logsumexp(1) - minus_E.logsumexp((0, 1)))
    assert (ours - printed).abs().max() > 0.5


@pytest.mark.equation("rbm-gradient")
def test_the_second_term_has_one_p_and_each_parameter_its_own_statistic(rbm):
    """Errata 000: E[f p] for E[f], and the weights' gradient in the place of the biases'."""
    x = V[[5]]
    loss = -rbm.free_energy(x).mean() - rbm.log_z()
    truth = torch.autograd.grad(loss, (rbm.W, rbm.b, rbm.c))
    g = gradient(rbm, x, Enumeration(), generator=torch.Generator())
    for mine, oracle in zip(g, truth, strict=True):
        torch.testing.assert_close(mine, oracle)
    p = Normalised(rbm).log_prob(V).exp()
    f = V[:, :, None] * rbm.hidden_probs(V).detach()[:, None]  # f_ij(v), (8, 3, 2)
    right, twice = (torch.einsum("v,vij->ij", weights, f) for weights in (p, p * p))
    data = x.T @ rbm.hidden_probs(x).detach()
    torch.testing.assert_close(data - right, truth[0])
    assert (data - twice - truth[0]).abs().max() > 0.05
    assert (truth[0].sum(1) - truth[1]).abs().max() > 0.05  # whichever j one would pick or sum
    assert (truth[0] - truth[1][:, None]).abs().max(0).values.min() > 0.02


# the slides' slips (001, 002)


@pytest.mark.equation("boltzmann-energy")
@pytest.mark.equation("boltzmann-conditional")
def test_a_symmetric_matrix_without_a_half_counts_each_pair_twice(generator):
    """Erratum 001: with exp(vᵀRv) and a symmetric R the conditional needs 2R; ours needs R."""
    machine = BoltzmannMachine(3, generator=generator, scale=1.0)
    R, b = machine.R.detach(), machine.b.detach()

    def conditional(minus_E):
        p = minus_E.exp()
        on = V == 1
        flipped = [4, 2, 1]  # what to add to a row's number to switch a unit on
        columns = []
        for i in range(3):
            off_row = torch.arange(8) - on[:, i] * flipped[i]
            columns.append(p[off_row + flipped[i]] / (p[off_row] + p[off_row + flipped[i]]))
        return torch.stack(columns, 1)

    twice = torch.einsum("ni,ij,nj->n", V, R, V) + V @ b
    once = torch.einsum("ni,ij,nj->n", V, R.triu(), V) + V @ b
    torch.testing.assert_close(once, -machine.energy(V).detach())
    torch.testing.assert_close(conditional(once), machine.conditional_probs(V).detach())
    torch.testing.assert_close(conditional(twice), torch.sigmoid(b + 2 * V @ R))
    assert (conditional(twice) - machine.conditional_probs(V).detach()).abs().max() > 0.05


@pytest.mark.equation("rbm-spin-energy")
def test_the_update_belongs_to_the_other_sign_of_the_exponent(generator):
    """Erratum 002: under exp(-β Σ v W h)/Z the printed step +ηβ(data - model) goes downhill."""
    v, h = 2 * states(2, 3).double() - 1, 2 * states(2, 2).double() - 1
    data, beta = v[[0, 7, 1]], 0.8
    W = torch.randn(3, 2, generator=generator)

    def log_likelihood(W, sign):
        joint = sign * beta * v @ W @ h.T
        each = sign * beta * data @ W @ h.T
        return (each.logsumexp(1) - joint.logsumexp((0, 1))).mean()

    for sign in (1.0, -1.0):
        joint = (sign * beta * v @ W @ h.T).flatten().softmax(0).view(8, 4)
        given = (sign * beta * data @ W @ h.T).softmax(1)
        update = beta * (data.T @ given @ h / 3 - v.T @ joint @ h)
        slope = jacobian(lambda W, sign=sign: log_likelihood(W, sign), W)
        torch.testing.assert_close(update, sign * slope)
        assert slope.norm() > 0.1
    spin = SpinRBM(3, 2, beta=beta, generator=generator)
    with torch.no_grad():
        spin.W.copy_(W)
        spin.b.zero_()
        spin.c.zero_()
    ours = Normalised(spin).log_prob(data).mean()
    torch.testing.assert_close(ours, log_likelihood(W, 1.0))


def expected_cd(W, b, c, law, k):
    """E[CD-k update of W], by slow sums over the states of the chain."""
    up, down = torch.sigmoid(c + V @ W), torch.sigmoid(b + H @ W.T)
    to_h = torch.stack([(up * h + (1 - up) * (1 - h)).prod(1) for h in H], 1)  # (8, 4)
    to_v = torch.stack([(down * v + (1 - down) * (1 - v)).prod(1) for v in V], 1)  # (4, 8)
    after = law
    for _ in range(k):
        after = after @ to_h @ to_v
    return (V * (law - after)[:, None]).T @ up


@pytest.mark.equation("rbm-cd")
def test_contrastive_divergence_is_the_gradient_of_nothing(rbm):
    """Erratum 002: its Jacobian is not symmetric; where k is so large that CD is exact, it is."""
    law = torch.tensor([0.3, 0.05, 0.05, 0.1, 0.1, 0.05, 0.05, 0.3])
    W, b, c = rbm.W.detach(), rbm.b.detach(), rbm.c.detach()

    def skew(k):
        J = jacobian(lambda W: expected_cd(W, b, c, law, k), W).reshape(6, 6)
        return ((J - J.T).norm() / J.norm()).item()

    assert skew(1) > 1e-2
    assert skew(2) > 1e-3
    assert skew(300) < 1e-10
    x = V.repeat_interleave((law * 100).round().long(), dim=0)
    exact = gradient(rbm, x, Enumeration(), generator=torch.Generator()).W
    torch.testing.assert_close(expected_cd(W, b, c, law, 300), exact)
    assert (expected_cd(W, b, c, law, 1) - exact).norm() > 0.02
