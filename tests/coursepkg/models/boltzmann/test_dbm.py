"""Deep Boltzmann machines against sums over all their states, written from the energy."""

import math
from itertools import pairwise

import pytest
import torch
from torch.testing import assert_close

from coursepkg.enumeration import NormalisedBound
from coursepkg.models.boltzmann.dbm import DBM, contrast, pretrain, train_jointly
from coursepkg.models.boltzmann.dbn import transposed
from coursepkg.models.rbm import learning
from coursepkg.models.rbm.learning import Enumeration, PersistentChains, centred
from coursepkg.models.rbm.paths import RBMPath
from coursepkg.rng import seeded
from coursepkg.samplers.annealed import annealed_importance
from tests.coursepkg.models.rbm.machines import bits, index
from tests.statistics import assert_mean, assert_probs

SIZES = (3, 2, 3, 2)


def deep(sizes=SIZES, *, scale=1.0, seed=0, **options):
    dbm, g = DBM(sizes, generator=seeded(seed), scale=scale, **options), seeded(seed + 1)
    with torch.no_grad():
        for bias in dbm.biases:
            bias.copy_(scale * torch.randn(bias.shape, generator=g))
    return dbm


def slow_energy(dbm, layers):
    """E by the sums of the equation, for layers (S, M_l)."""
    E = torch.zeros(len(layers[0]))
    for b, h in zip(dbm.biases, layers, strict=True):
        for i in range(len(b)):
            E = E - b[i] * h[:, i]
    for W, (below, above) in zip(dbm.weights, pairwise(layers), strict=True):
        for i in range(len(W)):
            for j in range(len(W[0])):
                E = E - below[:, i] * W[i, j] * above[:, j]
    return E


def all_layers(dbm):
    """Every state of the machine, v the slowest: L + 1 tensors (S, M_l)."""
    return bits(sum(dbm.sizes)).split(dbm.sizes, dim=1)


def table(dbm):
    """log p̃(v, h) of every state, (2^D, number of hidden states)."""
    return -slow_energy(dbm, all_layers(dbm)).view(2 ** dbm.sizes[0], -1)


def hidden(dbm):
    """All hidden states, L tensors (H, M_l)."""
    return bits(sum(dbm.sizes[1:])).split(dbm.sizes[1:], dim=1)


def log_q(dbm, x):
    """Logarithm of the factorised q(h | v) of `mean_field`, for every h: (N, H)."""
    mu, h = torch.cat(dbm.mean_field(x), dim=1)[:, None], torch.cat(hidden(dbm), dim=1)
    return torch.where(h == 1, mu, 1 - mu).log().sum(-1)


@pytest.mark.equation("dbm-energy")
@pytest.mark.parametrize("sizes", [(3, 2), (3, 2, 4), SIZES, (2, 3, 1, 2, 2)])
def test_energy_is_the_sum_of_a_slow_loop(sizes):
    """Kills: layers exchanged, W of an even layer not transposed, biases of one parity."""
    dbm = deep(sizes)
    assert [tuple(W.shape) for W in dbm.weights] == list(pairwise(sizes))
    assert_close(dbm.energy(all_layers(dbm)), slow_energy(dbm, all_layers(dbm)))
    layers = [torch.full((1, M), float(l)) for l, M in enumerate(sizes)]
    assert_close(dbm.unfold(*dbm.fold(layers)), layers)


def test_only_neighbours_are_linked_and_views_reach_the_parameters():
    """Kills: no mask, copies for views."""
    dbm = deep(SIZES)
    assert int((dbm.machine.W != 0).sum()) == sum(D * M for D, M in pairwise(SIZES))
    with torch.no_grad():
        for W in dbm.weights:
            W.fill_(2.0)
        for b in dbm.biases:
            b.fill_(3.0)
    assert dbm.machine.W.sum() == 2 * sum(D * M for D, M in pairwise(SIZES))
    assert dbm.machine.b.sum() + dbm.machine.c.sum() == 3 * sum(SIZES)


@pytest.mark.equation("dbm-conditionals")
def test_each_unit_given_its_neighbours_by_enumeration():
    """Two energies a unit. Kills: input from below only, the layer itself, a bias forgotten."""
    dbm = deep(SIZES)
    layers = all_layers(dbm)
    probs = dbm.layer_probs(layers)
    for l, M in enumerate(SIZES):
        for i in range(M):
            energies = []
            for value in (0.0, 1.0):
                changed = [h.clone() for h in layers]
                changed[l][:, i] = value
                energies.append(slow_energy(dbm, changed))
            expected = torch.softmax(-torch.stack(energies), 0)[1]
            assert_close(probs[l][:, i], expected)


def test_log_z_is_the_sum_over_all_states():
    for sizes in ((3, 2), (3, 2, 4), SIZES):
        dbm = deep(sizes)
        assert_close(dbm.log_z(), table(dbm).logsumexp((0, 1)))


@pytest.mark.equation("dbm-mean-field")
def test_mean_field_solves_its_equations_and_is_stationary():
    """Autograd of the bound in every μ. Kills: a layer left behind, input from one side."""
    dbm, x = deep(SIZES, scale=0.7, sweeps=200), bits(3)
    mu = dbm.mean_field(x)
    assert_close(dbm.layer_probs([x, *mu])[1:], mu)
    free = [m.clone().requires_grad_() for m in mu]
    entropy = sum((torch.special.entr(m) + torch.special.entr(1 - m)).sum() for m in free)
    bound = entropy - slow_energy(dbm, [x, *free]).sum()
    for slope in torch.autograd.grad(bound, free):
        assert_close(slope, torch.zeros_like(slope), atol=1e-9, rtol=0)
    assert min((m - 0.5).abs().max().item() for m in mu) > 0.1, "vacuous: nothing was inferred"


def slow_bound(dbm, x, mu):
    """-E(v, μ) + H, (N,), from the slow energy."""
    entropy = sum((torch.special.entr(m) + torch.special.entr(1 - m)).sum(1) for m in mu)
    return entropy - slow_energy(dbm, [x, *mu])


@pytest.mark.equation("dbm-mean-field")
def test_the_bound_rises_with_every_half_sweep():
    """Odd layers, then even ones. Kills: all layers at once, which may fall; sweeps ignored."""
    x, values = bits(3), []
    for sweeps in (1, 2, 3, 5, 9):
        dbm = deep(SIZES, scale=2.0, sweeps=sweeps)
        mu = dbm.mean_field(x)
        odd = dbm.layer_probs([x, *mu])[1::2]
        values += [slow_bound(dbm, x, mu), slow_bound(dbm, x, [odd[0], mu[1], odd[1]])]
    rises = torch.stack(values).detach().diff(dim=0)
    assert (rises > -1e-12).all()
    assert rises[:2].amax(1).min() > 1e-3


@pytest.mark.equation("dbm-bound")
@pytest.mark.parametrize("sweeps", [1, 3, 200])
@pytest.mark.parametrize("sizes", [(3, 4), (3, 2, 4), SIZES])
def test_variational_free_energy_is_the_expectation_under_q(sizes, sweeps):
    """By all hidden states, for every μ on the way; below log p + log Z, and equal if L = 1.

    Kills: the entropy's sign, one parity's entropy, half of it, a bias dropped.
    """
    dbm, x = deep(sizes, sweeps=sweeps, scale=1.5), bits(3)
    q, bound = log_q(dbm, x), -dbm.variational_free_energy(x)
    assert_close(bound, (q.exp() * (table(dbm) - q)).sum(1))
    gap = table(dbm).logsumexp(1) - bound
    assert (gap > 1e-3).all() if len(sizes) > 2 else (gap.abs() < 1e-12).all()


@pytest.mark.equation("dbm-bound")
def test_two_bounds_and_the_truth_stand_in_this_order():
    """Summing the odd layers out tightens the bound; by enumeration of the even layers."""
    dbm, x = deep((3, 2, 3), scale=1.5), bits(3)
    truth = table(dbm).logsumexp(1)
    mu, h = dbm.mean_field(x)[1][:, None], bits(3)
    q = torch.where(h == 1, mu, 1 - mu).prod(-1)
    pairs = torch.stack([torch.cat([v.expand(len(h), -1), h], dim=1) for v in x])
    log_p = -dbm.machine.free_energy(pairs.flatten(0, 1)).view(len(x), -1)
    sampled = (q * (log_p - q.log())).sum(1)
    mean_field = -dbm.variational_free_energy(x)
    assert (mean_field < sampled).all()
    assert (sampled < truth).all()
    assert (sampled - mean_field).max() > 0.01
    draws = dbm.unnormalised_log_weight(x[5].expand(20_000, -1), generator=seeded(1)).detach()
    assert_mean(draws, sampled[5].item(), detects=0.1)


def test_weights_are_unbiased_for_p(generator):
    """By enumeration. Kills: log q with h and μ exchanged, or with its sign."""
    dbm, x = deep(SIZES), bits(3)
    exact = table(dbm).logsumexp(1)
    log_w = dbm.unnormalised_log_weight(x[3].expand(40_000, -1), generator=generator)
    p_tilde = exact[3].exp().item()
    assert_mean(log_w.detach().exp(), p_tilde, detects=0.2 * p_tilde)


def test_one_hidden_layer_is_a_restricted_machine():
    dbm, x = deep((4, 3), sweeps=1), bits(4)
    assert_close(dbm.variational_free_energy(x), dbm.machine.free_energy(x))
    assert_close(dbm.unnormalised_log_weight(x, generator=seeded(0)), -dbm.machine.free_energy(x))
    assert_close(dbm.mean_field(x), [dbm.machine.hidden_probs(x)])


@pytest.mark.equation("dbm-gradient")
def test_the_slope_of_the_best_bound_needs_no_slope_of_mu():
    """Central differences of bound(θ, μ(θ)) - log Z against the printed outer products.

    Kills: a mean field that has not converged, whose μ still moves with θ; a sign, a layer.
    """

    def objective(dbm, x):
        return (-dbm.variational_free_energy(x) - dbm.log_z()).mean().item()

    dbm, x, eps = deep(SIZES, sweeps=200), bits(3)[[1, 4, 6]], 1e-5
    mu, p = [x, *dbm.mean_field(x)], torch.softmax(table(dbm).flatten(), 0).detach()
    states = all_layers(dbm)
    data = [torch.einsum("ni,nj->ij", *pair) / len(x) for pair in pairwise(mu)]
    model = [torch.einsum("s,si,sj->ij", p, *pair) for pair in pairwise(states)]
    expected = [first - second for first, second in zip(data, model, strict=True)]
    expected += [m.mean(0) - p @ h for m, h in zip(mu, states, strict=True)]
    for parameter, slope in zip([*dbm.weights, *dbm.biases], expected, strict=True):
        for place in torch.cartesian_prod(*[torch.arange(n) for n in slope.shape]).view(
            -1, slope.ndim
        ):
            sides = []
            for step in (eps, -2 * eps):
                with torch.no_grad():
                    parameter[tuple(place)] += step
                sides.append(objective(dbm, x))
            with torch.no_grad():
                parameter[tuple(place)] += eps
            found = (sides[0] - sides[1]) / (2 * eps)
            assert found == pytest.approx(slope[tuple(place)].item(), abs=1e-7)
    assert max(slope.abs().max().item() for slope in expected) > 0.1


def test_the_gradient_of_log_p_is_a_difference_of_two_expectations():
    """Autograd through enumeration, for every W_l and b_l."""
    dbm, x = deep(SIZES), bits(3)[[1, 4, 6]]
    log_p = table(dbm).logsumexp(1)[[1, 4, 6]] - dbm.log_z()
    W, b, c = torch.autograd.grad(log_p.sum(), (dbm.machine.W, dbm.machine.b, dbm.machine.c))
    layers, weight = all_layers(dbm), torch.softmax(table(dbm).flatten(), 0)
    given = torch.zeros_like(table(dbm))
    given[[1, 4, 6]] = torch.softmax(table(dbm), 1)[[1, 4, 6]]
    difference = (given.flatten() - len(x) * weight).detach()
    as_dbm = deep(SIZES)
    with torch.no_grad():
        as_dbm.machine.W.copy_(W), as_dbm.machine.b.copy_(b), as_dbm.machine.c.copy_(c)
    for l, slope in enumerate(as_dbm.weights):
        expected = torch.einsum("s,si,sj->ij", difference, layers[l], layers[l + 1])
        assert_close(slope, expected)
    for l, slope in enumerate(as_dbm.biases):
        assert_close(slope, difference @ layers[l])


@pytest.mark.equation("dbm-gradient")
@pytest.mark.parametrize("sizes", [(3, 2, 3), SIZES])
def test_one_step_of_training_follows_bound_and_log_z(sizes):
    """Autograd: data term from the bound, model term from log Z; then centred.

    Kills: a sign, hidden units left at zero, links between the layers 0 and 3.
    """
    dbm, before = deep(sizes, sweeps=500), deep(sizes, sweeps=500)
    x, theta = bits(3)[[1, 4, 6, 7]], tuple(before.machine.parameters())
    objective = -before.variational_free_energy(x).mean() - before.log_z()
    g = learning.Statistics(*torch.autograd.grad(objective, theta))
    g = g if before.machine.mask is None else g._replace(W=g.W * before.machine.mask)
    even, odd = before.fold([x, *before.mean_field(x)])
    g = centred(g, v_mean=even.mean(0), h_mean=odd.mean(0), mask=before.machine.mask)
    train_jointly(
        dbm, x, negative=Enumeration(), epochs=1, batch_size=4, step_size=0.1, generator=seeded(2)
    )
    for new, old, slope in zip(dbm.machine.parameters(), theta, g, strict=True):
        assert_close((new - old).detach(), 0.1 * slope.detach())
    assert g.W.abs().max() > 0.01


@pytest.mark.parametrize("negative", [Enumeration, lambda: PersistentChains(50)])
def test_joint_training_raises_the_exact_likelihood(negative, generator):
    """Three patterns of four bits: at best -log 3; independent pixels reach -2.5."""
    x = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]]).repeat(20, 1)
    dbm = DBM((4, 3, 2), generator=generator, scale=0.5)
    seen = train_jointly(
        dbm, x, negative=negative(), epochs=100, batch_size=20, step_size=1.0, last_step_size=0.0,
        average=0.9, generator=generator, monitor=lambda d: d.sizes,
    )  # fmt: skip
    log_p = table(dbm).logsumexp(1)[[12, 3, 15]] - dbm.log_z()
    assert -math.log(3) - 0.5 < log_p.mean() < -math.log(3)
    assert [epoch.monitored for epoch in seen] == [[4, 3, 2]] * 100


@pytest.mark.equation("dbm-ais-path")
def test_annealing_over_even_or_odd_layers():
    """The path's density by enumeration of the other layers, and log Z by chains."""
    dbm = deep(SIZES)
    layers = all_layers(dbm)
    even, odd = dbm.fold(layers)
    for machine, x, other in ((dbm.machine, even, odd), (transposed(dbm.machine), odd, even)):
        rates, (M, K) = torch.linspace(0.3, 0.6, x.shape[1]), (x.shape[1], other.shape[1])
        path = RBMPath(machine, rates)
        E_links = slow_energy(dbm, layers) + x @ machine.b
        for beta in (0.0, 0.4, 1.0):
            log_p = (1 - beta) * (x @ rates.logit()) + beta * (x @ machine.b) - beta * E_links
            expected = torch.full((2**M, 2**K), torch.nan)
            expected[index(x), index(other)] = log_p.detach()
            assert_close(path.log_density(bits(M), beta), expected.logsumexp(1))
        found = annealed_importance(path, torch.linspace(0, 1, 201), chains=500,
                                    generator=seeded(3))  # fmt: skip
        assert found.error < 0.02
        assert abs(found.log_Z - dbm.log_z().item()) < 5 * found.error + 1e-9


@pytest.mark.equation("dbm-pretraining")
def test_the_deep_machine_is_the_geometric_mean_of_two_machines_with_copies():
    """p(h¹) by enumeration. Kills: no doubling, the bias of one machine only."""
    g = seeded(4)
    W_1, W_2 = torch.randn(3, 2, generator=g), torch.randn(2, 4, generator=g)
    b, c, b_2, c_2 = (torch.randn(n, generator=g) for n in (3, 2, 2, 4))
    v, h1, h2 = bits(3), bits(2), bits(4)
    below = torch.cartesian_prod(*[torch.arange(8)] * 2)  # two copies of v, the same weights
    log_1 = torch.stack([
        torch.stack([v[i] @ b + v[k] @ b + h @ c + (v[i] + v[k]) @ W_1 @ h for i, k in below])
        .logsumexp(0) for h in h1
    ])  # fmt: skip
    above = torch.cartesian_prod(*[torch.arange(16)] * 2)
    log_2 = torch.stack([
        torch.stack([h2[i] @ c_2 + h2[k] @ c_2 + h @ b_2 + h @ W_2 @ (h2[i] + h2[k])
                     for i, k in above]).logsumexp(0) for h in h1
    ])  # fmt: skip
    dbm = DBM((3, 2, 4), generator=g)
    with torch.no_grad():
        for old, new in zip(dbm.weights, (W_1, W_2), strict=True):
            old.copy_(new)
        for old, new in zip(dbm.biases, (b, (c + b_2) / 2, c_2), strict=True):
            old.copy_(new)
    log_p = table(dbm).view(8, 4, 16).logsumexp((0, 2)).detach()
    assert_close(log_p.log_softmax(0), ((log_1 + log_2) / 2).log_softmax(0))
    assert (log_1.log_softmax(0) - log_p.log_softmax(0)).abs().max() > 0.1, "vacuous: all alike"


@pytest.mark.equation("dbm-pretraining")
@pytest.mark.parametrize(("below", "above"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_contrast_counts_the_copies_of_a_layer_which_all_show_one_draw(below, above):
    """Expectation by enumeration. Kills: a copy forgotten up or down, a sign."""
    g = seeded(6)
    W, b, c = (torch.randn(size, generator=g) for size in ((3, 2), (3,), (2,)))
    v = torch.tensor([[1.0, 0, 1]])

    def hidden_mean(v):
        return 1 / (1 + torch.exp(-(c + below * v @ W)))

    def law(x, p):
        return torch.where(x == 1, p, 1 - p).prod(-1)

    p_v1 = torch.zeros(8)
    for h in bits(2):
        p = 1 / (1 + torch.exp(-(b + above * W @ h)))
        p_v1 += law(h, hidden_mean(v)[0]) * law(bits(3), p)
    p_h = hidden_mean(bits(3))
    expected = (
        torch.outer(v[0], hidden_mean(v)[0]) - torch.einsum("s,si,sj->ij", p_v1, bits(3), p_h),
        v[0] - p_v1 @ bits(3),
        hidden_mean(v)[0] - p_v1 @ p_h,
    )
    g, batch = seeded(7), v.repeat(16, 1)
    runs = [contrast(W, b, c, batch, below=below, above=above, generator=g) for _ in range(1000)]
    for values, mean in zip(zip(*runs, strict=True), expected, strict=True):
        draws = torch.stack(values).flatten(1)
        for i, m in enumerate(mean.flatten()):
            assert_mean(draws[:, i], m.item(), detects=0.05)


@pytest.mark.equation("dbm-pretraining")
def test_pretraining_stacks_machines_and_halves_shared_biases(generator, monkeypatch):
    """A contrast that only counts. Kills: copies at the ends, biases summed, input heard once."""
    seen = []

    def count(W, b, c, v, *, below, above, generator):
        seen.append((tuple(W.shape), below, above, v.mean().item()))
        return torch.full_like(W, 10.0), 40 - b, -120 - c

    monkeypatch.setattr("coursepkg.models.boltzmann.dbm.contrast", count)
    dbm, x = DBM((3, 2, 4, 1), generator=generator, scale=0.0), torch.ones(8, 3)
    pretrain(dbm, x, epochs=2, batch_size=4, step_size=1.0, generator=generator)
    shapes = [((3, 2), 2, 1), ((2, 4), 2, 2), ((4, 1), 1, 2)]
    assert [row[:3] for row in seen] == [row for row in shapes for _ in range(4)]
    assert [row[3] for row in seen[4:]] == [1.0] * 8, "two copies outweigh c, one would not"
    for W in dbm.weights:
        assert_close(W.detach(), torch.full_like(W, 40.0))
    for bias, expected in zip(dbm.biases, (40.0, -40.0, -40.0, -120.0), strict=True):
        assert_close(bias.detach(), torch.full_like(bias, expected))


def test_pretraining_is_a_better_start_than_none(generator):
    """Exact likelihood of three patterns, before any joint step."""
    x = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]]).repeat(20, 1)
    dbm = DBM((4, 3, 2), generator=generator, scale=0.1)
    pretrain(dbm, x, epochs=150, batch_size=20, step_size=0.2, generator=generator)
    log_p = table(dbm).logsumexp(1)[[12, 3, 15]] - dbm.log_z()
    independent = torch.tensor([2 / 3] * 4)
    pixels = torch.where(x[:3] == 1, independent, 1 - independent).log().sum(1).mean()
    assert log_p.mean() > pixels + 0.5


def test_draws_follow_the_enumerated_law(generator):
    """Kills: a chain of no step, hidden columns for v."""
    dbm = deep(SIZES)
    draws = dbm.sample(60_000, generator=generator, steps=40)
    assert_probs(index(draws), torch.softmax(table(dbm).logsumexp(1), 0).detach(), detects=0.06)


def test_a_normalised_bound_never_claims_more_than_all_mass():
    dbm, x = deep(SIZES), bits(3)
    bound = NormalisedBound(dbm)
    draws = bound.log_weight(x.repeat(4000, 1), generator=seeded(1)).view(4000, -1)
    log_p = table(dbm).logsumexp(1) - table(dbm).logsumexp((0, 1))
    assert (draws.mean(0) < log_p + 0.01).all()
    assert draws.mean(0).exp().sum() > 0.8


def test_state_dict_round_trip_and_single_precision():
    dbm, copy, x = deep(), DBM(SIZES, generator=seeded(9)), bits(3)
    copy.load_state_dict(dbm.state_dict())
    assert torch.equal(copy.variational_free_energy(x), dbm.variational_free_energy(x))
    low = copy.float().variational_free_energy(x.float())
    assert low.dtype == torch.float32
    assert_close(low.double(), dbm.variational_free_energy(x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("sizes", "options"),
    [((4,), {}), ((4, 0), {}), ((4, 2), {"sweeps": 0})],
)
def test_impossible_parameters_are_refused(sizes, options, generator):
    with pytest.raises(ValueError, match="expected two or more sizes"):
        DBM(sizes, generator=generator, **options)


def test_bad_calls_are_refused(generator):
    dbm = deep()
    learn = {"epochs": 1, "batch_size": 2, "step_size": 0.1, "generator": generator}
    for say in (
        dbm.mean_field,
        dbm.variational_free_energy,
        lambda x: dbm.unnormalised_log_weight(x, generator=generator),
        lambda x: train_jointly(dbm, x, negative=Enumeration(), **learn),
        lambda x: pretrain(dbm, x, **learn),
    ):
        with pytest.raises(ValueError, match="zeros and ones"):
            say(torch.full((2, 3), 0.5))
        with pytest.raises(ValueError, match=r"shape \(B, 3\)"):
            say(torch.zeros(2, 8))
    with pytest.raises(ValueError, match="> 0"):
        dbm.sample(5, generator=generator, steps=0)
    with pytest.raises(ValueError, match="> 0"):
        pretrain(dbm, bits(3), **{**learn, "epochs": 0})
    with pytest.raises(ValueError, match="states to enumerate"):
        DBM((30, 25, 10), generator=generator).log_z()
