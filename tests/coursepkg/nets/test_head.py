import math

import pytest
import torch
from torch.testing import assert_close

from coursepkg.nets.head import LevelHead

D, K, C = 3, 5, 2


def test_logits_are_mixtures_of_curves(generator):
    """A slow loop. Kills: channels of another pixel, a bias of another level."""
    head = LevelHead(dim=D, levels=K, channels=C)
    with torch.no_grad():
        for p in head.parameters():
            p.copy_(torch.randn(p.shape, generator=generator))
    h = torch.randn(4, D * C, generator=generator)
    logits = head(h)
    assert logits.shape == (4, D * K)
    for n in range(4):
        for d in range(D):
            for k in range(K):
                expected = head.bias[d, k] + sum(
                    h[n, d * C + c] * head.curves[c, k] for c in range(C)
                )
                assert_close(logits[n, d * K + k], expected)


def test_it_starts_with_cosines_and_at_the_law_that_it_is_told():
    """Kills: a constant curve, which no softmax sees; a slow curve that is not the first."""
    head = LevelHead(dim=D, levels=K, channels=C)
    for c in range(C):
        for k in range(K):
            assert head.curves[c, k].item() == pytest.approx(
                math.cos(math.pi * (c + 1) * (k + 0.5) / K)
            )
    assert_close(head.curves @ head.curves.T, K / 2 * torch.eye(C))
    log_p = torch.randn(D, K, generator=torch.Generator().manual_seed(0))
    head.start_from(log_p)
    assert torch.equal(head(torch.zeros(2, D * C)), log_p.flatten().expand(2, -1))
    assert head.bias.requires_grad
    log_p.zero_()
    assert head.bias.abs().min() > 0, "the caller's tensor was kept"


@pytest.mark.parametrize("bad", [{"dim": 0}, {"levels": 1}, {"channels": 0}])
def test_impossible_sizes_are_refused(bad):
    with pytest.raises(ValueError, match=r"expected dim >= 1.*got"):
        LevelHead(**{"dim": D, "levels": K, "channels": C, **bad})
