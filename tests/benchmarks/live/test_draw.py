"""The command that fits the models of chapter 22's live figure, and the file that it wrote."""

import re

import pytest
import torch

from benchmarks.leaderboard.board import BINARISED
from benchmarks.live import draw
from coursepkg.data.digits import load_labels
from coursepkg.models.autoregressive.binary import LogisticAutoregression
from tests.benchmarks.invoke import invoke


def said(text):
    """Nats on validation and test of each model, as the comment at the head of the file says."""
    words = " ".join(text[: text.index("*/")].split())
    return [
        [float(x) for x in re.search(rf"{name} (\d+\.\d+) and (\d+\.\d+)", words).groups()]
        for name in draw.FAMILIES
    ]


def scores(state):
    split = BINARISED.load()
    parts = [draw.costs(state, x).mean(1) for x in (split.valid, split.test)]
    return torch.stack(parts, dim=1).tolist()


@pytest.mark.slow
def test_what_is_written_is_what_was_scored(tmp_path, float32):
    """Kills: scores of the models before they are rounded, quantiles of another part."""
    done = invoke(draw.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    path = tmp_path / "draw-weights.js"
    state, digits, typical = draw.load(path)
    for found, true in zip(said(path.read_text(encoding="utf-8")), scores(state), strict=True):
        assert found == pytest.approx(true, abs=0.006)
    split = BINARISED.load()
    cost = draw.costs(state, split.test)
    share = (cost[..., None] <= typical.double()[:, None]).double().mean(1)
    assert (share - torch.tensor(draw.PARTS)).abs().max() < 0.01
    x, y = split.test.long().tolist(), load_labels().test.tolist()
    assert [y[x.index(digit)] for digit in digits.tolist()] == list(range(10))


def test_the_models_are_laws():
    """Of two pixels that stand for 64: all other pixels certain. Kills: log-odds halved twice."""
    state, _, _ = draw.load()
    mixed = draw.models(state)["mixture"].model
    torch.testing.assert_close(
        mixed.log_levels.exp().sum(-1), torch.ones(len(mixed.log_levels), 64)
    )
    odds = mixed.log_levels[..., 1] - mixed.log_levels[..., 0]
    torch.testing.assert_close(odds, state["mixture.logits"].double())
    assert torch.logsumexp(mixed.log_weights, 0).abs() < 1e-9
    alone = draw.models(state)["alone"]
    assert isinstance(alone, LogisticAutoregression)
    assert (alone.W == 0).all()


def test_the_published_models_are_good_and_as_their_file_says():
    """Kills: numbers of older models, a file that nobody wants to load."""
    state, _, _ = draw.load()
    found = scores(state)
    for words, true in zip(said(draw.WEIGHTS.read_text(encoding="utf-8")), found, strict=True):
        assert words == pytest.approx(true, abs=0.006)
    test = dict(zip(draw.FAMILIES, (each[1] for each in found), strict=True))
    assert max(test["mixture"], test["logistic"], test["rbm"]) < test["alone"] - 3
    assert draw.WEIGHTS.stat().st_size <= 150_000
