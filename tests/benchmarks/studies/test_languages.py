"""The study of languages compares with the truth on the same words, symbol by symbol."""

import json
import math

import pytest
import torch
from torch import nn

from benchmarks.provenance import RESULTS
from benchmarks.studies import languages
from coursepkg.data.languages import Dyck
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_a_few_steps_are_written(tmp_path, float32):
    """Kills: seeds that are one, a language left out."""
    done = invoke(
        languages.main, "Dyck", "random chains", "--seeds", "2", "--steps", "2", "--out", tmp_path
    )
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "languages.json").read_text())["rows"]
    assert [row["language"] for row in rows] == ["Dyck", "random chains"]
    for row in rows:
        assert len(row["excess"]) == 2
        assert row["excess"][0] != row["excess"][1]
        assert min(row["excess"]) > 0.05, "untrained and yet the truth"
    done = invoke(languages.main, "copying", "--seeds", "1", "--steps", "1", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    more = json.loads((tmp_path / "languages.json").read_text())["rows"]
    assert [row["language"] for row in more] == ["Dyck", "copying", "random chains"]
    assert more[::2] == rows, "what was not asked for stays"


def test_a_model_that_knows_has_no_excess(float32):
    """The truth itself in the model's place. Kills: a sign, symbols for words, the end not paid."""
    task = languages.TASKS["Dyck"][0]

    class Oracle(nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(()))

        def loss(self, rows, *, generator):
            return self.unused.expand(len(rows))

        def log_prob(self, rows):
            return task.truth(rows) - 0.1 * task.symbols(rows)

    found = languages.excess(task._replace(model=lambda _: Oracle()), 1, 0)
    assert found["excess"] == pytest.approx(0.1, abs=1e-4)
    mean = 2 * 0.3 / 0.4 + 1
    assert found["truth"] == pytest.approx(Dyck(0.3).entropy / mean, rel=0.1)


def test_every_task_draws_what_its_truth_allows(float32):
    """Kills: an alphabet that lacks a symbol, a context too short for any word."""
    for name, (task, _) in languages.TASKS.items():
        rows = task.draw(200, seeded(0))
        assert task.truth(rows).isfinite().all(), name
        assert task.model(seeded(0)).log_prob(rows).isfinite().all(), name
        assert (task.symbols(rows) >= 1).all()


def test_few_words_are_too_long():
    """Fewer than one in 10,000 has no end within its row. Kills: a context that cuts the law."""
    p, mass = 0.3, 0.0
    for n in range(32):  # pairs of a word of Dyck's language in 64 places
        mass += math.comb(2 * n, n) / (n + 1) * p**n * (1 - p) ** (n + 1)
    assert 1 - mass < 1e-4
    moves = torch.tensor([[0.4, 0.4], [0.5, 0.5]])  # even a: to states 0 and 1
    assert torch.linalg.matrix_power(moves.double(), 96)[0].sum() < 1e-4
    assert languages.MOVES.sum(1).max() ** 64 < 1e-4


def test_the_results_are_within_two_hundredths():
    """What chapter 20 says, of parity too."""
    rows = json.loads((RESULTS / "languages.json").read_text("utf8"))["rows"]
    assert [row["language"] for row in rows] == list(languages.TASKS)
    for row in rows:
        assert len(row["excess"]) >= 3
        if row["language"] == "even number of a":  # parity is hard for attention
            assert min(row["excess"]) > 0.04
        else:
            assert max(row["excess"]) < 0.02, row["language"]
