"""The notes' five functions against their formulas, unit by unit."""

import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.models.rbm import lecture
from coursepkg.models.rbm.lecture import generate, in_out, init_rbm, out_in
from coursepkg.rng import seeded
from tests.coursepkg.models.rbm.machines import binary, index, joint, transition
from tests.statistics import assert_probs


def sigm(a):
    return 1 / (1 + math.exp(-a))


def data(n=7, p=4):
    return torch.randint(2, (n, p), generator=seeded(5)).double()


def test_a_new_machine_has_the_asked_sizes():
    rbm = init_rbm(6, 2, generator=seeded(0))
    assert (rbm.W.shape, rbm.b.shape, rbm.c.shape) == ((6, 2), (6,), (2,))
    assert 0 < rbm.W.abs().max() < 0.1


@pytest.mark.equation("rbm-hidden-given-visible")
def test_in_out_gives_the_hidden_probabilities():
    """Kills: the other layer's bias, draws for probabilities."""
    rbm, X = binary(), data()
    W, c = rbm.W.tolist(), rbm.c.tolist()
    expected = [[sigm(c[j] + sum(x[i] * W[i][j] for i in range(4))) for j in range(3)]
                for x in X.tolist()]  # fmt: skip
    assert_close(in_out(rbm, X), torch.tensor(expected))


@pytest.mark.equation("rbm-visible-given-hidden")
def test_out_in_gives_the_visible_probabilities():
    """Kills: σ(b_j + Σ_i w_ij v_i) as the notes print it, W not transposed."""
    rbm, H = binary(), data(7, 3)
    W, b = rbm.W.tolist(), rbm.b.tolist()
    expected = [[sigm(b[i] + sum(h[j] * W[i][j] for j in range(3))) for i in range(4)]
                for h in H.tolist()]  # fmt: skip
    assert_close(out_in(rbm, H), torch.tensor(expected))


@pytest.mark.equation("rbm-cd")
def test_training_is_the_algorithm_of_the_notes():
    """Loops over examples and units with the same draws, each gradient by its own line.

    Kills: the weights' gradient for that of the visible biases (as the notes print once), a sum
    over the batch for its mean, a sign, the data's h in the second term.
    """
    rbm, slow, X = binary(), binary(), data()
    errors = lecture.train(rbm, X, 3, 0.5, 2, generator=seeded(8))
    g, expected = seeded(8), []
    W, b, c = (p.detach() for p in (slow.W, slow.b, slow.c))
    for _ in range(2):
        order, error = torch.randperm(7, generator=g), 0.0
        for start in (0, 3, 6):
            v0 = X[order[start : start + 3]]
            p0 = torch.sigmoid(c + v0 @ W)
            h0 = torch.bernoulli(p0, generator=g)
            again = torch.sigmoid(b + h0 @ W.T)
            v1 = torch.bernoulli(again, generator=g)
            p1 = torch.sigmoid(c + v1 @ W)
            for i in range(4):
                for j in range(3):
                    W[i, j] += 0.5 * (v0[:, i] * p0[:, j] - v1[:, i] * p1[:, j]).mean()
                b[i] += 0.5 * (v0[:, i] - v1[:, i]).mean()
            for j in range(3):
                c[j] += 0.5 * (p0[:, j] - p1[:, j]).mean()
            error += ((v0 - again) ** 2).sum().item()
        expected.append(error / 28)
    for one, other in zip(rbm.parameters(), slow.parameters(), strict=True):
        assert_close(one, other)
    assert errors == pytest.approx(expected)


def test_training_makes_the_data_likelier():
    X = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]]).repeat(20, 1)
    rbm = init_rbm(4, 3, generator=seeded(0))

    def nll():
        return (rbm.free_energy(X).mean() + rbm.log_z()).item()

    assert nll() == pytest.approx(4 * math.log(2), abs=0.01)
    lecture.train(rbm, X, 10, 0.5, 200, generator=seeded(0))
    assert nll() < 1.2  # log 2 is the best there is


def test_generated_rows_follow_the_chain_from_fair_coins(generator):
    """One step, and enough to forget the coins. Kills: h returned, a step too many or too few."""
    rbm = binary()
    T = transition(rbm)
    drawn = generate(rbm, 40_000, steps=1, generator=generator)
    assert_probs(index(drawn), T.mean(0), detects=0.08)
    drawn = generate(rbm, 40_000, steps=40, generator=generator)
    assert_probs(index(drawn), joint(rbm)[2].sum(1), detects=0.08)
    assert not drawn.requires_grad


def test_impossible_input_is_refused():
    rbm = binary()
    with pytest.raises(ValueError, match=r"X: expected shape \(B, 4\)"):
        in_out(rbm, torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"H: expected shape \(B, 3\)"):
        out_in(rbm, torch.zeros(2, 4))
    with pytest.raises(ValueError, match="X: expected zeros and ones"):
        lecture.train(rbm, data() / 2, 3, 0.5, 2, generator=seeded(0))
    for settings in ((0, 0.5, 2), (3, 0.0, 2), (3, 0.5, 0)):
        with pytest.raises(ValueError, match="expected a finite number > 0"):
            lecture.train(rbm, data(), *settings, generator=seeded(0))
    for n, steps in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="expected a finite number > 0"):
            generate(rbm, n, steps=steps, generator=seeded(0))
