"""Streams of words: what is counted as certain is, and who knows is seen to know."""

import json
import math

import pytest
import torch
from torch import nn

from benchmarks.provenance import RESULTS
from benchmarks.studies import induction
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_both_depths_and_all_seeds_are_written(tmp_path, float32):
    """Kills: one depth twice, seeds that are one."""
    done = invoke(induction.main, "--seeds", "2", "--steps", "1", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "induction.json").read_text())["rows"]
    assert [row["depth"] for row in rows] == [1, 2]
    for row in rows:
        assert row["certain"][0] != row["certain"][1]
        assert row["certain"][0] == pytest.approx(math.log(26), rel=0.2)


class Finder(nn.Module):
    """What a perfect reader says: what followed the present letter last time, else anything."""

    def forward(self, x):
        p = torch.full((*x.shape, 26), 1 / 26)
        for n, row in enumerate(x.tolist()):
            for d in range(1, len(row)):
                earlier = [e for e in range(d - 1) if row[e] == row[d - 1]]
                if earlier:
                    p[n, d] = 1e-9
                    p[n, d, row[earlier[-1] + 1]] = 1
        return p.log()


def test_who_looks_up_is_certain_and_where(float32):
    """Kills: places counted as certain that are not."""
    x, certain = induction.draw(100, seeded(0))
    nats = induction.surprise(Finder(), x)
    assert nats[certain].max() < 1e-5
    assert nats[~certain].mean() > 3


def test_where_a_head_looks_is_counted_from_the_place_and_from_the_last_coming():
    """By hand, on "abcab". Kills: a place too many, the first coming for the last, the future."""
    y = torch.tensor([[0, 1, 2, 0, 1]])
    assert induction.distance(y).tolist() == [[0, 0, 0, 3, 3]]
    assert induction.distance(torch.tensor([[4, 4, 4]])).tolist() == [[0, 1, 1]]
    w = torch.zeros(1, 5, 5)
    w[0, 3, 1] = w[0, 4, 2] = 1  # what followed the last time
    assert induction.looks_back(w).tolist() == pytest.approx([0, 0])
    w[0, 2, 1] = 1
    assert induction.looks_back(w).tolist() == pytest.approx([0, 1 / 3])
    after = induction.looks_after(w, y)
    assert after[:4].tolist() == [0, 1, 0, 0]
    assert after[4:].isnan().all()


def test_results_have_five_seeds_and_two_layers_know():
    """What chapter 20 says."""
    one, two = json.loads((RESULTS / "induction.json").read_text("utf8"))["rows"]
    assert len(one["certain"]) == len(two["certain"]) == 5
    assert max(two["certain"]) < min(one["certain"])
