"""The any-order entry is a bound, and starts at independent pixels."""

import json

import pytest
import torch

from benchmarks.leaderboard.__main__ import main
from benchmarks.leaderboard.entries import anyorder
from benchmarks.leaderboard.entries.arm import best_chain
from coursepkg.data.digits import LEVELS, load_split
from coursepkg.evaluation import nats
from coursepkg.models.diffusion import ToldNet
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


@pytest.mark.slow
def test_a_quick_board_is_a_bound(tmp_path, float32, monkeypatch):
    """Kills: = of a bound, a model that is scored with its dropout."""
    split = load_split()
    small = split._replace(valid=split.valid[:20], test=split.test[:20])
    board = anyorder.BOARD._replace(load=lambda: small)
    monkeypatch.setattr(anyorder, "BOARD", board)
    result = invoke(main, "--only", "anyorder", "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "leaderboard-anyorder.json").read_text())["rows"]
    assert [row["family"] for row in rows] == [entry.family for entry in anyorder.ENTRIES]
    assert {row["sign"] for row in rows} == {"≤"}
    assert all(85 < row["nats"] < 112 for row in rows)


def test_it_starts_at_independent_pixels(float32):
    """Whatever is hidden. Kills: a head that is not started, a mask that is heeded."""
    split = load_split()
    net = anyorder.network(hidden=8, dropout=0.1, generator=seeded(0))
    log_p = best_chain(split, 0, tied=False).table[:, 0]
    net.head.start_from(log_p)
    model, x = anyorder.around(ToldNet(net, torch.zeros(anyorder.TOLD))), split.valid[:10]
    independent = log_p.gather(1, x.T).sum(0)
    found = nats(model, x, generator=seeded(1)).value
    alone = -independent.mean().item()
    assert found == pytest.approx(alone, abs=8), "one set a step: noisy"
    weight = model.eval().log_weight(x, generator=seeded(2)).detach()
    torch.testing.assert_close(weight, independent.to(weight), atol=1e-3, rtol=0)
    assert LEVELS == 17
