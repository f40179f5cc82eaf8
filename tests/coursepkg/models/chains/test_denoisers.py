import pytest
import torch

from coursepkg.enumeration import table_states
from coursepkg.models.chains import JointDenoiser, Mask, PixelDenoiser, Redraw
from coursepkg.rng import seeded
from tests.coursepkg.models.chains.laws import Told, joint, noisy_states, pixels
from tests.statistics import assert_probs

K, D = 3, 2


def told(outputs, seed=0):
    return Told(torch.randn((K + 1) ** D, outputs, generator=seeded(seed)), K)


def test_a_joint_denoiser_reads_the_states_in_order():
    """Kills: levels to the wrong power, the last variable first."""
    net, x, noisy = told(K**D), table_states([K] * D), noisy_states(D, K)
    made = JointDenoiser(net, dim=D, levels=K)
    for row, logits in zip(noisy, net.logits.detach(), strict=True):
        found = made.log_prob(x, condition=row.expand_as(x))
        torch.testing.assert_close(found, logits.log_softmax(0))


@pytest.mark.equation("pixel-denoiser")
@pytest.mark.parametrize("corruption", [Redraw(0.4, levels=K), Mask(0.4, levels=K)])
def test_pixels_are_independent_given_what_was_seen(corruption):
    """A slow loop over pixels.

    Kills: pixels and levels mixed up, a mean over pixels, what the pixel itself says forgotten.
    """
    net, x = told(D * K), table_states([K] * D)
    made = PixelDenoiser(net, dim=D, corruption=corruption)
    one = torch.arange(K)[:, None]
    for row, logits in zip(noisy_states(D, K), net.logits.detach(), strict=True):
        if isinstance(corruption, Redraw) and (row == K).any():
            continue
        each = []
        for d in range(D):
            chance = corruption.log_prob(row[d].expand(K, 1), one).exp()
            p = chance * logits.view(D, K)[d].exp()
            each.append(p / p.sum())
        expected = torch.stack([each[0][i] * each[1][j] for i, j in x.tolist()])
        torch.testing.assert_close(made.log_prob(x, condition=row.expand_as(x)).exp(), expected)
        mean = torch.stack([(p * torch.arange(K)).sum() for p in each])
        torch.testing.assert_close(made.mean(row[None])[0], mean)


@pytest.mark.parametrize("make", [joint, pixels])
def test_draws_follow_the_law_of_their_row(make):
    """Two different x̃ in turn. Kills: one law for all rows, states in another order."""
    made, x = make(D, K, generator=seeded(1)), table_states([K] * D)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(3)
    pair, n = torch.tensor([[0, 3], [2, 1]]), 40_000
    drawn = made.sample(2 * n, condition=pair.repeat(n, 1), generator=seeded(2))
    assert drawn.dtype == x.dtype
    laws = [made.log_prob(x, condition=row.expand_as(x)).exp().detach() for row in pair]
    assert (laws[0] - laws[1]).abs().sum() > 0.1, "vacuous: one law"
    for i, p in enumerate(laws):
        cell = (drawn[i::2][:, None] == x).all(-1).int().argmax(1)
        assert_probs(cell, p, detects=0.12)


@pytest.mark.parametrize("make", [joint, pixels])
def test_bad_input_is_refused(make):
    made = make(D, K, generator=seeded(0))
    noisy = torch.zeros(2, D).long()
    with pytest.raises(ValueError, match=r"expected 3 rows.*got 2"):
        made.sample(3, condition=noisy, generator=seeded(0))
    for bad in (torch.full((2, D), K), torch.zeros(2, D + 1).long(), torch.zeros(2, D)):
        with pytest.raises((ValueError, TypeError), match=r"expected.*got"):
            made.log_prob(bad, condition=noisy)
    with pytest.raises(ValueError, match="enumerate"):
        JointDenoiser(torch.nn.Identity(), dim=30, levels=3)
