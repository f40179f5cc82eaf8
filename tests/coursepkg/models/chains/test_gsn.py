import pytest
import torch
from torch import nn

from coursepkg.enumeration import table_states
from coursepkg.models.chains import (
    GSN,
    JointDenoiser,
    Mask,
    Redraw,
    WalkBack,
    corruption_table,
    denoiser_table,
    right_denoiser,
    walk_back_denoiser,
)
from coursepkg.nets import MLP, LevelEmbedding
from coursepkg.rng import seeded
from coursepkg.samplers import run, stationary
from coursepkg.training import fit
from tests.coursepkg.models.chains.laws import Told, joint, noisy_states, pixels, small_law
from tests.statistics import assert_mean, assert_probs

K, D = 2, 3
STATES = table_states([K] * D)


def gsn(corruption, *, steps=20, lazy=0.0):
    """With a denoiser of random opinions, which it holds strongly; a lazy one says x = x̃."""
    logits = 1.5 * torch.randn((K + 1) ** D, K**D, generator=seeded(0))
    same = (noisy_states(D, K)[:, None] == STATES).all(-1)
    net = Told(logits + lazy * same, K)
    return GSN(JointDenoiser(net, dim=D, levels=K), corruption, steps=steps)


def transition(model, noisy):
    C = corruption_table(model.corruption, STATES, noisy)
    return C @ denoiser_table(model.denoiser, STATES, noisy)


@pytest.mark.equation("gsn-chain")
@pytest.mark.parametrize(("corruption", "noisy"), [
    (Redraw(0.4, levels=K), STATES), (Mask(0.6, levels=K), noisy_states(D, K)),
], ids=["redraw", "mask"])  # fmt: skip
def test_a_step_is_the_product_of_the_two_matrices(corruption, noisy):
    """From each state, 40,000 chains. Kills: denoising x in place of x̃, a corruption left out."""
    model = gsn(corruption)
    T = transition(model, noisy)
    assert (T - T[0]).abs().max() > 0.1, "vacuous: all rows alike"
    for i, x in enumerate(STATES):
        state = model.init(x.expand(40_000, D))
        there, info = model.step(state, generator=seeded(i))
        cell = (there.x[:, None] == STATES).all(-1).int().argmax(1)
        assert_probs(cell, T[i], detects=0.15)
        assert torch.equal(info.moved, (there.x != x).any(1))


def test_draws_are_without_dropout():
    """The same in training mode and out of it. Kills: dropout that draws from elsewhere."""
    net = nn.Sequential(LevelEmbedding(K + 1, 2, generator=seeded(1)), nn.Flatten(),
                        nn.Dropout(0.5), MLP([2 * D, K**D], generator=seeded(2)))  # fmt: skip
    model = GSN(JointDenoiser(net, dim=D, levels=K), Redraw(0.4, levels=K), steps=5)
    drawn = model.train().sample(200, generator=seeded(3))
    assert model.training
    assert torch.equal(drawn, model.eval().sample(200, generator=seeded(3)))


@pytest.mark.equation("gsn-loss")
def test_the_loss_is_the_cross_entropy_of_the_denoiser():
    """Its mean over x̃, by enumeration. Kills: the sign, a denoiser that is shown x."""
    model, n = gsn(Redraw(0.4, levels=K)), 40_000
    C = corruption_table(model.corruption, STATES, STATES)
    P = denoiser_table(model.denoiser, STATES, STATES)
    for i, x in enumerate(STATES):
        expected = -(C[i] * P[:, i].log()).sum().item()
        loss = model.loss(x.expand(n, D), generator=seeded(i)).detach()
        assert_mean(loss, expected, detects=0.1)


def test_the_least_loss_belongs_to_the_right_denoiser():
    """The mean loss of other denoisers is higher, over all x and x̃."""
    p, C = small_law(8), corruption_table(Redraw(0.4, levels=K), STATES, STATES)

    def mean_loss(P):
        return -(p[:, None] * C * P.T.log()).sum()

    right = right_denoiser(p, C)
    for seed in range(5):
        other = right * torch.rand(right.shape, generator=seeded(seed)).add(0.5)
        assert mean_loss(other / other.sum(1, keepdim=True)) > mean_loss(right) + 1e-4


@pytest.mark.slow
@pytest.mark.equation("gsn-stationary")
@pytest.mark.parametrize("steps", [1, 3])
def test_a_trained_chain_has_the_law_of_the_data(steps):
    """Within 0.02 in total variation of the enumerated law, plain and walked back.

    50,000 draws of the law: their own distance from it is about 0.005.
    Kills: a chain trained on something else, a walk that does not come home.
    """
    p = small_law(8, seed=3)
    x = STATES[torch.multinomial(p, 50_000, replacement=True, generator=seeded(0))]
    model = GSN(joint(D, K, generator=seeded(0)), Redraw(0.5, levels=K), steps=20)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=400)
    fit(WalkBack(model, steps=steps), x, epochs=8, batch_size=1000, optimizer=optimizer,
        schedule=schedule, generator=seeded(1), progress=False)  # fmt: skip
    T = transition(model, STATES)
    uniform = (1 / 8 - p).abs().sum().item() / 2
    assert uniform > 0.1, "vacuous: any chain would do"
    assert (stationary(T) - p).abs().sum().item() / 2 <= 0.02
    P = walk_back_denoiser(p, corruption_table(model.corruption, STATES, STATES), steps=steps)
    assert (denoiser_table(model.denoiser, STATES, STATES) - P).abs().max() < 0.06


@pytest.mark.equation("walk-back-loss")
def test_walking_back_walks_and_asks_for_the_start():
    """The mean over three steps, by enumeration of all walks.

    Kills: the loss of the last step only, of where the walk stands, a walk that never leaves x.
    """
    model, n = gsn(Redraw(0.3, levels=K)), 40_000
    C = corruption_table(model.corruption, STATES, STATES)
    P = denoiser_table(model.denoiser, STATES, STATES)
    walks = [C, C @ P @ C, C @ P @ C @ P @ C]
    for i in (0, 5):
        expected = -sum((H[i] * P[:, i].log()).sum().item() for H in walks) / 3
        loss = WalkBack(model, steps=3).loss(STATES[i].expand(n, D), generator=seeded(i))
        assert_mean(loss.detach(), expected, detects=0.1)


def test_one_step_back_is_the_plain_loss():
    model, x = gsn(Mask(0.5, levels=K)), STATES.repeat(4, 1)
    walked = WalkBack(model, steps=1).loss(x, generator=seeded(3))
    torch.testing.assert_close(walked, model.loss(x, generator=seeded(3)))


def test_samples_are_where_chains_stand_after_their_steps():
    """From the uniform law, by the matrix. Kills: one step too few, a start at zero."""
    for steps in (1, 2):
        model = gsn(Redraw(0.1, levels=K), steps=steps, lazy=4.0)
        T = transition(model, STATES)
        law = torch.full((8,), 1 / 8) @ torch.linalg.matrix_power(T, steps)
        assert (law - stationary(T)).abs().sum() > 0.02, "vacuous: forgotten"
        x = model.sample(100_000, generator=seeded(4))
        cell = (x[:, None] == STATES).all(-1).int().argmax(1)
        assert_probs(cell, law, detects=0.08)


def test_it_runs_as_a_kernel():
    """Kills: the caller's start changed, draws of another shape."""
    model, start = gsn(Redraw(0.4, levels=K)), torch.zeros(5, D, dtype=torch.int64)
    kept = model.init(start).x
    assert kept is not start
    assert kept.data_ptr() != start.data_ptr(), "the caller's tensor is kept"
    draws = run(model, start, steps=10, generator=seeded(0))
    assert draws.x.shape == (10, 5, D)
    assert draws.x.dtype == torch.int64
    assert torch.equal(start, torch.zeros(5, D, dtype=torch.int64))
    assert draws.info.moved.any()


def test_pixels_work_too_and_dropout_draws_from_the_generator():
    model = GSN(pixels(D, K, generator=seeded(0)), Mask(0.5, levels=K), steps=2)
    model.denoiser.net.append(torch.nn.Dropout(0.5))
    x = STATES.repeat(10, 1)
    losses = [model.train().loss(x, generator=seeded(s)) for s in (1, 1, 2)]
    assert torch.equal(losses[0], losses[1])
    assert not torch.equal(losses[0], losses[2])
    walked = [WalkBack(model, steps=2).loss(x, generator=seeded(s)) for s in (1, 1)]
    assert torch.equal(*walked)


def test_bad_input_is_refused():
    model = gsn(Redraw(0.4, levels=K))
    for bad in (STATES + 1, STATES[:, :2], STATES.double(), STATES[:0]):
        for call in (lambda x: model.loss(x, generator=seeded(0)), model.init,
                     lambda x: WalkBack(model, steps=2).loss(x, generator=seeded(0))):  # fmt: skip
            with pytest.raises((ValueError, TypeError), match=r"expected.*got"):
                call(bad)
    for make in (lambda: gsn(Redraw(0.4, levels=K), steps=0), lambda: WalkBack(model, steps=0)):
        with pytest.raises(ValueError, match=r"steps: expected.*got 0"):
            make()
