"""The study of mode collapse counts what it says, and its results say what chapter 15 says."""

import json

import pytest
import torch

from benchmarks.provenance import RESULTS
from benchmarks.studies import ring
from coursepkg.data.toy import eight_gaussians
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_every_game_is_played_and_written(tmp_path, float32, monkeypatch):
    """Kills: a game left out, a pair of rates that is another's."""
    monkeypatch.setattr(ring, "EXAMPLES", 64)
    done = invoke(ring.main, "--seeds", "1", "--epochs", "1", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "ring.json").read_text())["rows"]
    played = [(row["game"], row["rates"]) for row in rows]
    assert len(set(played)) == len(played) == 2 * len(ring.GAMES) + len(ring.MORE_RATES)
    for row in rows:
        rates = (ring.RATES | ring.MORE_RATES)[row["rates"]]
        assert (row["critic_rate"], row["generator_rate"]) == rates
        assert len(row["modes"]) == len(row["near"]) == 1


def test_modes_are_counted_as_the_page_says():
    """1 % of the draws within 3 standard deviations, by hand. Kills: 1 σ, at least one draw."""
    means = eight_gaussians().means
    edge = means[0] + torch.tensor([2.9 * ring.SPREAD, 0.0])
    beyond = means[1] + torch.tensor([3.1 * ring.SPREAD, 0.0])
    x = torch.cat([
        edge.expand(10, 2), (2 * means[1]).expand(980, 2),
        means[2].expand(9, 2), beyond.expand(1, 2),
    ])  # fmt: skip
    modes, near = ring.counted(x)
    assert modes == 1
    assert near == pytest.approx(0.019, abs=1e-6)


def test_the_ring_itself_covers_all_modes():
    """And all but 1.1 % of its draws, exp(-9/2), are near. False failure below 1e-6."""
    modes, near = ring.counted(eight_gaussians().sample(20_000, generator=seeded(0)))
    assert modes == 8
    assert near == pytest.approx(0.989, abs=0.004)


def test_players_differ_by_their_rates_only(float32):
    """Kills: one optimizer's rate given to the other, another start."""
    game = ring.GAMES["non-saturating"]
    _, start = ring.fresh(game, generator=seeded(0))
    still = ring.trained(game, 1e-3, 1e-12, epochs=1, generator=seeded(0))
    for before, after in zip(start.net.parameters(), still.net.parameters(), strict=True):
        torch.testing.assert_close(before, after, rtol=0, atol=1e-8)
    moved = zip(start.critic.parameters(), still.critic.parameters(), strict=True)
    assert max((a - b).abs().max().item() for a, b in moved) > 1e-3


def by_game():
    rows = json.loads((RESULTS / "ring.json").read_text("utf8"))["rows"]
    return {(row["game"], row["rates"]): row for row in rows}


def test_collapse_happened_and_was_cured():
    """What chapter 15 tells, of at least five seeds."""
    found = by_game()
    collapsed, cured = found["non-saturating", "slow critic"], found["non-saturating", "equal"]
    assert len(collapsed["modes"]) == len(cured["modes"]) >= 5
    assert max(collapsed["modes"]) <= 4
    assert min(cured["modes"]) == 8
    for game in ("minimax", "least squares", "relativistic", "non-saturating, both penalties"):
        assert set(found[game, "equal"]["modes"]) == {8}
        assert max(found[game, "slow critic"]["modes"]) < 8
    assert all(row["cpu_seconds"] < 15 for row in found.values())
