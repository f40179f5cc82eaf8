"""Warm-up and cosine: against the printed formula and torch's own schedulers in a row."""

import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

from coursepkg.training.schedule import warm_up_cosine


def optimizer(lr=0.3):
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)


def rates(opt, schedule, steps):
    found = []
    for _ in range(steps):
        found.append(opt.param_groups[0]["lr"])
        opt.step()
        schedule.step()
    return found


@pytest.mark.equation("warm-up-cosine")
@pytest.mark.parametrize(("W", "S", "least"), [(5, 40, 0.1), (0, 10, 0.0), (1, 3, 1.0)])
def test_the_rates_are_those_of_the_formula(W, S, least):
    """Kills: a first step of 0, an end off by one, sine for cosine, a fall to 0."""
    opt = optimizer()
    found = rates(opt, warm_up_cosine(opt, warm_up=W, steps=S, least=least), S + 5)
    for n, rate in enumerate(found):
        if n < W:
            share = (n + 1) / W
        elif n < S:
            share = least + (1 - least) * (1 + math.cos(math.pi * (n + 1 - W) / (S - W))) / 2
        else:
            share = least
        assert rate == pytest.approx(0.3 * share, abs=1e-12)
    assert found[S - 1] == pytest.approx(0.3 * least, abs=1e-12)
    assert max(found) <= 0.3 + 1e-12


def test_torchs_schedulers_in_a_row_do_the_same():
    opt, W, S = optimizer(), 4, 30
    peer = SequentialLR(
        opt,
        [
            LinearLR(opt, start_factor=1 / W, end_factor=1, total_iters=W - 1),
            CosineAnnealingLR(opt, S - W, eta_min=0.03),
        ],
        milestones=[W - 1],
    )
    theirs = rates(opt, peer, S)
    opt = optimizer()
    ours = rates(opt, warm_up_cosine(opt, warm_up=W, steps=S), S)
    assert ours == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("W", "S", "least"), [(-1, 3, 0.1), (3, 3, 0.1), (1, 3, -0.1), (1, 3, 1.1), (1, 3, math.nan)]
)
def test_what_cannot_be_is_refused(W, S, least):
    with pytest.raises(ValueError, match="expected 0 <= warm_up < steps and least in"):
        warm_up_cosine(optimizer(), warm_up=W, steps=S, least=least)
