"""Learning against enumeration: the exact gradient, the field of CD, a slow loop of steps."""

import math

import pytest
import torch
from torch.nn.utils.stateless import _reparametrize_module as reparametrised
from torch.testing import assert_close

from coursepkg.enumeration import Normalised
from coursepkg.models.rbm.harmonium import Statistics
from coursepkg.models.rbm.learning import (
    ContrastiveDivergence,
    Enumeration,
    PersistentChains,
    centred,
    gibbs,
    gradient,
    reconstruction_error,
    train,
)
from coursepkg.rng import seeded
from tests.coursepkg.models.rbm.machines import (
    binary,
    bits,
    gaussian,
    index,
    joint,
    spins,
    transition,
)
from tests.statistics import assert_probs

OPTIONS = {"epochs": 1, "batch_size": 10, "step_size": 0.1}


def data(n=12, D=4, seed=5):
    """Zeros and ones of which the first two units agree."""
    x = torch.randint(2, (n, D), generator=seeded(seed)).double()
    x[:, 1] = x[:, 0]
    return x


def log_p(rbm, x):
    """The mean of log p, differentiable."""
    return -rbm.free_energy(x).mean() - rbm.log_z()


# gradients


@pytest.mark.equation("rbm-gradient")
@pytest.mark.parametrize("make", [binary, spins, gaussian])
def test_the_exact_gradient_is_that_of_log_p(make):
    """Autograd. Kills: a sign, a term of the wrong law, β."""
    rbm = make()
    x = torch.randn(9, len(rbm.b), generator=seeded(2))
    x = {binary: x.gt(0).double(), spins: x.sign(), gaussian: x}[make]
    expected = torch.autograd.grad(log_p(rbm, x), (rbm.W, rbm.b, rbm.c))
    found = gradient(rbm, x, Enumeration(), generator=seeded(0))
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other)


@pytest.mark.equation("rbm-gradient")
def test_the_model_term_is_a_mean_over_all_states_of_both_layers():
    """A slow sum. Kills the notes' E[f(v) p(v)] for E[f(v)], and the weight's gradient for b's."""
    rbm = binary()
    v, h, p = joint(rbm)
    model = Enumeration()(rbm, data(), generator=seeded(0))
    assert_close(model.W, torch.einsum("ab,ai,bj->ij", p, v, h))
    assert_close(model.b, p.sum(1) @ v)
    assert_close(model.c, p.sum(0) @ h)
    f, p_v = v[:, :1] * rbm.hidden_probs(v)[:, :1], p.sum(1)
    assert_close(model.W[0, 0], (p_v @ f)[0])
    assert not torch.isclose(model.W[0, 0], (p_v @ (f * p_v[:, None]))[0], rtol=0.1)


@pytest.mark.equation("rbm-cd")
@pytest.mark.parametrize("k", [1, 3])
def test_k_steps_go_as_the_matrix_to_the_power_k(k, generator):
    """Kills: k - 1 steps, a chain that starts elsewhere, means in place of draws."""
    rbm = binary()
    ends = gibbs(rbm, bits(4)[6].expand(40_000, -1), k, generator=generator)
    assert_probs(index(ends), torch.matrix_power(transition(rbm), k)[6], detects=0.08)
    x = data()
    found = ContrastiveDivergence(k)(rbm, x, generator=seeded(1))
    for one, other in zip(found, rbm.statistics(gibbs(rbm, x, k, generator=seeded(1))),
                          strict=True):  # fmt: skip
        assert torch.equal(one, other)


def slow_step(rbm, v, chains, eta):
    """θ + η (mean over v - mean over chains) of v_i P(h_j = 1 | v), v_i and P(h_j = 1 | v)."""
    W, b, c = (p.detach().clone() for p in (rbm.W, rbm.b, rbm.c))
    slope = [torch.zeros_like(p) for p in (W, b, c)]
    for rows, sign in ((v, 1 / len(v)), (chains, -1 / len(chains))):
        for row in rows:
            on = torch.sigmoid(c + sum(row[i] * W[i] for i in range(len(row))))
            for total, one in zip(slope, (torch.outer(row, on), row, on), strict=True):
                total.add_(one, alpha=sign)
    return tuple(p + eta * total for p, total in zip((W, b, c), slope, strict=True))


@pytest.mark.equation("rbm-cd")
@pytest.mark.parametrize("k", [1, 4])
def test_a_step_of_cd_lowers_what_the_chain_has_drifted_to(k):
    """Kills: η lost, a draw of h in either term, W's statistic from the data's h twice."""
    rbm, slow, x, g = binary(), binary(), data(), seeded(3)
    train(rbm, x, negative=ContrastiveDivergence(k), epochs=1, batch_size=12, step_size=0.7,
          centre=False, generator=seeded(3))  # fmt: skip
    v = x[torch.randperm(12, generator=g)]
    expected = slow_step(slow, v, gibbs(slow, v, k, generator=g), 0.7)
    for one, other in zip((rbm.W, rbm.b, rbm.c), expected, strict=True):
        assert_close(one.detach(), other)


@pytest.mark.equation("rbm-pcd")
@pytest.mark.parametrize("k", [1, 3])
def test_three_steps_of_pcd_move_the_chains_with_the_present_weights(k):
    """B = 4 and C = 30. Kills: chains one step behind, means over B for C, η lost."""
    rbm, slow, x, g = binary(), binary(), data(), seeded(3)
    train(rbm, x, negative=PersistentChains(30, k=k), epochs=1, batch_size=4, step_size=0.7,
          centre=False, generator=seeded(3))  # fmt: skip
    batches, chains = x[torch.randperm(12, generator=g)].split(4), None
    for v in batches:
        chains = v[torch.randint(4, (30,), generator=g)] if chains is None else chains
        chains = gibbs(slow, chains, k, generator=g)
        moved = slow_step(slow, v, chains, 0.7)
        with torch.no_grad():
            for p, value in zip((slow.W, slow.b, slow.c), moved, strict=True):
                p.copy_(value)
    for one, other in zip(rbm.parameters(), slow.parameters(), strict=True):
        assert_close(one, other)


@pytest.mark.equation("rbm-cd")
def test_the_field_of_cd_is_no_gradient():
    """The expected CD-1 step of two units: its Jacobian is not symmetric, that of log p is.

    Kills: the name "the gradient" for contrastive divergence, as the slides have it.
    """
    x, states = torch.tensor([[1.0, 0.0], [1, 1]]), bits(2)
    h = bits(1)

    def field(theta, steps):
        W, b, c = theta[:2, None], theta[2:4], theta[4:]
        on = torch.sigmoid(c + states @ W)  # P(h = 1 | v)
        up = torch.sigmoid(b + h @ W.T)[:, None]  # P(v_i = 1 | h)
        down = (up * states + (1 - up) * (1 - states)).prod(-1)  # p(v | h), (2, 4)
        T = torch.cat([1 - on, on], 1) @ down
        energy = -(states @ b) - torch.nn.functional.softplus(c + states @ W).sum(1)
        start = torch.stack([(x == s).all(1).double().mean() for s in states])
        end = torch.softmax(-energy, 0) if steps is None else start @ torch.matrix_power(T, steps)
        f = torch.cat([states * on, states, on], 1)
        return (start - end) @ f

    theta = torch.tensor([1.5, -1.0, 0.3, 0.6, -0.5])
    jacobian = torch.autograd.functional.jacobian
    exact, cd = (jacobian(lambda t, k=k: field(t, k), theta) for k in (None, 1))
    assert_close(exact, exact.T)
    assert (cd - cd.T).abs().max() > 0.01
    rbm = binary(2, 1)
    with torch.no_grad():
        rbm.W.copy_(theta[:2, None])
        rbm.b.copy_(theta[2:4])
        rbm.c.copy_(theta[4:])
    ours = gradient(rbm, x, Enumeration(), generator=seeded(0))
    assert_close(field(theta, None), torch.cat([ours.W[:, 0], ours.b, ours.c]))


@pytest.mark.equation("rbm-pcd")
def test_persistent_chains_go_on_from_where_they_were():
    """Kills: chains that start at the data again, chains that stand still."""
    rbm, x = binary(), data()
    negative, g, ours = PersistentChains(30, k=2), seeded(1), seeded(1)
    first = negative(rbm, x, generator=g)
    v = x[torch.randint(len(x), (30,), generator=ours)]
    v = gibbs(rbm, v, 2, generator=ours)
    assert all(map(torch.equal, first, rbm.statistics(v)))
    second = negative(rbm, 1 - x, generator=g)
    assert all(map(torch.equal, second, rbm.statistics(gibbs(rbm, v, 2, generator=ours))))
    assert not torch.equal(first.W, second.W)


@pytest.mark.equation("rbm-pcd")
def test_with_weights_held_still_chains_reach_the_model_term(generator):
    """Many steps of one set of chains: the truth by enumeration, which CD-1 misses."""
    rbm, x = binary(scale=1.5), torch.zeros(50, 4)
    truth = Enumeration()(rbm, x, generator=generator)
    negative = PersistentChains(20_000, k=30)
    found = negative(rbm, x, generator=generator)
    assert_probs(index(negative.v), joint(rbm)[2].sum(1), detects=0.12)
    assert (found.b - truth.b).abs().max() < 0.03
    near = ContrastiveDivergence(1)(rbm, x.repeat(400, 1), generator=generator)
    assert (near.b - truth.b).abs().max() > 0.1


@pytest.mark.equation("rbm-centred")
@pytest.mark.parametrize("make", [binary, spins, gaussian])
def test_centring_is_gradient_ascent_in_other_coordinates(make):
    """Autograd through b = b' - Wλ, c = c' - Wᵀμ. Kills: offsets exchanged, a sign, a bias lost."""
    rbm = make()
    D, M = rbm.W.shape
    x = torch.randn(9, D, generator=seeded(2))
    x = {binary: x.gt(0).double(), spins: x.sign(), gaussian: x}[make]
    mu, lam = torch.rand(D, generator=seeded(3)), torch.rand(M, generator=seeded(4))
    theta = [p.detach().clone().requires_grad_() for p in (
        rbm.W, rbm.b + rbm.W @ lam, rbm.c + mu @ rbm.W)]  # fmt: skip
    W, b, c = theta
    moved = {"W": W, "b": b - W @ lam, "c": c - mu @ W}
    with reparametrised(rbm, moved):
        slopes = torch.autograd.grad(log_p(rbm, x), theta)
    # a step along the slopes, seen in W, b and c, the offsets held still
    expected = (slopes[0], slopes[1] - slopes[0] @ lam, slopes[2] - mu @ slopes[0])
    g = gradient(rbm, x, Enumeration(), generator=seeded(0))
    for one, other in zip(centred(g, v_mean=mu, h_mean=lam), expected, strict=True):
        assert_close(one, other)


@pytest.mark.equation("rbm-centred")
@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("layer", ["visible", "hidden"])
def test_only_centred_learning_is_blind_to_what_is_called_one(centre, layer):
    """Unit 0 flipped, data and weights: after training the laws still mirror each other, or not."""
    rbm, x = binary(), data()
    flipped, y = binary(), x.clone()
    with torch.no_grad():
        if layer == "visible":
            y[:, 0] = 1 - x[:, 0]
            flipped.c.add_(flipped.W[0])
            flipped.W[0].neg_()
            flipped.b[0].neg_()
        else:
            flipped.b.add_(flipped.W[:, 0])
            flipped.W[:, 0].neg_()
            flipped.c[0].neg_()
    for model, seen in ((rbm, x), (flipped, y)):
        train(model, seen, negative=Enumeration(), epochs=5, batch_size=100, step_size=0.5,
              centre=centre, generator=seeded(0))  # fmt: skip
    v = bits(4)
    mirrored = torch.cat([1 - v[:, :1], v[:, 1:]], 1) if layer == "visible" else v
    difference = Normalised(rbm).log_prob(v) - Normalised(flipped).log_prob(mirrored)
    assert (difference.abs().max() < 1e-9) == centre


# the loop


@pytest.mark.parametrize(
    "options",
    [{}, {"last_step_size": 0.0}, {"decay": 0.3}, {"average": 0.8}, {"centre": True}],
    ids=str,
)
def test_training_is_this_slow_loop(options):
    """Kills: the schedule off by one, decay on biases, averaging of gradients, a lost minibatch."""
    rbm, slow, x = binary(), binary(), data(10)
    seen = []
    settings = {"centre": False, **options}
    history = train(rbm, x, negative=Enumeration(), epochs=3, batch_size=4, step_size=0.4,
                    generator=seeded(6), monitor=lambda m: seen.append(m.W.clone()) or 7.0,
                    **settings)  # fmt: skip
    g, t, norms = seeded(6), 0, []
    mean = {name: p.detach().clone() for name, p in slow.named_parameters()}
    means = []
    for _ in range(3):
        order, norm = torch.randperm(10, generator=g), []
        for start in (0, 4, 8):
            batch = x[order[start : start + 4]]
            eta = 0.4 + (options.get("last_step_size", 0.4) - 0.4) * t / 8
            step = gradient(slow, batch, Enumeration(), generator=g)
            if options.get("centre"):
                step = centred(step, v_mean=batch.mean(0),
                               h_mean=slow.hidden_mean(batch).mean(0).detach())  # fmt: skip
            norm.append(math.sqrt(sum(part.square().sum().item() for part in step)))
            with torch.no_grad():
                slow.W -= eta * options.get("decay", 0.0) * slow.W
                for name in "Wbc":
                    parameter = getattr(slow, name)
                    parameter += eta * getattr(step, name)
                    a = options.get("average", 0.0)
                    mean[name] = a * mean[name] + (1 - a) * parameter.detach()
            t += 1
        means.append(mean["W"].clone())
        norms.append(sum(norm) / 3)
    for name in "Wbc":
        assert_close(getattr(rbm, name).detach(), mean[name])
    assert_close(torch.stack(seen), torch.stack(means))
    assert [epoch.monitored for epoch in history] == [7.0] * 3
    assert [epoch.gradient_norm for epoch in history] == pytest.approx(norms)


def test_every_example_is_seen_once_in_an_epoch_in_a_new_order():
    """Kills: the last batch dropped, the same order again, drawing with replacement."""
    x, seen = bits(4), []

    def negative(rbm, v, *, generator):
        seen.append(v)
        return rbm.statistics(v)

    train(binary(), x, negative=negative, epochs=2, batch_size=5, step_size=0.1,
          generator=seeded(0))  # fmt: skip
    assert [len(v) for v in seen] == [5, 5, 5, 1] * 2
    first, second = torch.cat(seen[:4]), torch.cat(seen[4:])
    for epoch in (first, second):
        assert sorted(index(epoch).tolist()) == list(range(16))
    assert not torch.equal(first, second)
    assert not torch.equal(first, x)


def test_units_that_were_not_observed_are_completed_before_each_step():
    rbm, x, seen = binary(), data(), []

    def negative(machine, v, *, generator):
        seen.append(v)
        return Statistics(*(torch.zeros_like(p) for p in (rbm.W, rbm.b, rbm.c)))

    train(rbm, x, negative=negative, complete=lambda v: v * 0.5, generator=seeded(0), **OPTIONS)
    assert_close(torch.cat(seen).unique(), torch.tensor([0.0, 0.5]))


def test_links_outside_the_mask_never_grow():
    """With every negative, centred or not, averaged or not."""
    mask = (torch.arange(12).view(4, 3) % 2).double()
    for negative in (Enumeration(), ContrastiveDivergence(1), PersistentChains(10)):
        for centre in (True, False):
            rbm = binary(mask=mask)
            before = rbm.W.detach().clone()
            train(rbm, data(), negative=negative, centre=centre, average=0.5,
                  generator=seeded(0), **{**OPTIONS, "epochs": 3})  # fmt: skip
            assert torch.equal(rbm.W != 0, mask != 0)
            assert not torch.equal(rbm.W, before)


@pytest.mark.slow
@pytest.mark.parametrize("make", [binary, spins])
def test_persistent_chains_learn_what_the_exact_gradient_learns(make):
    """Both near the entropy of the data. Kills: learning that goes downhill, or nowhere."""
    x = data(200)
    x = 2 * x - 1 if make is spins else x
    scores = []
    for negative in (Enumeration(), PersistentChains(200)):
        rbm = make(scale=0.1)
        train(rbm, x, negative=negative, epochs=150, batch_size=50, step_size=0.5,
              last_step_size=0.0, average=0.9, generator=seeded(0))  # fmt: skip
        scores.append(-log_p(rbm, x).item())
    assert scores[1] == pytest.approx(scores[0], abs=0.03)
    share = torch.unique(x, dim=0, return_counts=True)[1] / len(x)
    entropy = torch.special.entr(share).sum().item()
    assert entropy < scores[0] < entropy + 0.1  # independent units are log 2 away


def test_weights_that_overflow_are_taken_back():
    """The machine is as it was, and the message says what to change."""
    rbm = gaussian(2, 3)
    before = [p.detach().clone() for p in rbm.parameters()]
    x = torch.randn(20, 2, generator=seeded(1))
    with pytest.raises(FloatingPointError, match="step_size below 1000"):
        train(rbm, x, negative=ContrastiveDivergence(5), epochs=300, batch_size=20,
              step_size=1000.0, generator=seeded(0))  # fmt: skip
    assert all(map(torch.equal, rbm.parameters(), before))


def test_training_repeats_with_its_generator():
    ends = []
    for seed in (1, 1, 2):
        rbm = binary()
        train(rbm, data(), negative=PersistentChains(5), generator=seeded(seed), **OPTIONS)
        ends.append(rbm.W.detach())
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


def test_single_precision_is_kept():
    rbm = binary().float()
    train(rbm, data().float(), negative=PersistentChains(5), generator=seeded(0), **OPTIONS)
    assert rbm.W.dtype == torch.float32


# signals


def test_reconstruction_error_is_that_of_a_slow_loop():
    """Kills: a mean over pixels, draws for means, the error of h."""
    rbm, x = binary(), data(5)
    W, b, c = (p.detach() for p in (rbm.W, rbm.b, rbm.c))
    total = 0.0
    for v in x:
        h = torch.sigmoid(torch.stack([c[j] + (v * W[:, j]).sum() for j in range(3)]))
        again = torch.sigmoid(torch.stack([b[i] + (W[i] * h).sum() for i in range(4)]))
        total += ((v - again) ** 2).sum().item()
    assert reconstruction_error(rbm, x) == pytest.approx(total / 5)


# refusals


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"epochs": 0}, "epochs >= 1"), ({"batch_size": 0}, "batch_size >= 1"),
        ({"step_size": 0.0}, "step_size"), ({"step_size": math.nan}, "step_size"),
        ({"average": 1.0}, "average < 1"), ({"average": -0.1}, "0 <= average"),
        ({"decay": -1.0}, "decay >= 0"), ({"last_step_size": -0.1}, "last_step_size"),
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(change, word):
    settings = {**OPTIONS, **change}
    rbm = binary()
    before = rbm.W.detach().clone()
    with pytest.raises(ValueError, match=f"expected.*{word}.*got|{word}: expected.*got"):
        train(rbm, data(), negative=Enumeration(), generator=seeded(0), **settings)
    assert torch.equal(rbm.W, before)


def test_impossible_data_and_counts_are_refused():
    rbm = binary()
    for call in (
        lambda: train(rbm, data() / 2, negative=Enumeration(), generator=seeded(0), **OPTIONS),
        lambda: reconstruction_error(rbm, data() / 2),
    ):
        with pytest.raises(ValueError, match="expected zeros and ones"):
            call()
    for call in (lambda: ContrastiveDivergence(0), lambda: PersistentChains(0),
                 lambda: PersistentChains(1, k=0)):  # fmt: skip
        with pytest.raises(ValueError, match=r"expected.*1.*got"):
            call()
