"""The command that trains the reader of repetitions, and what was published."""

import json

import pytest
import torch

from benchmarks.gallery import induction
from benchmarks.provenance import RESULTS
from benchmarks.studies.induction import measured
from coursepkg.gallery.sequences import STREAM, reader
from coursepkg.nets.trained import load_weights
from coursepkg.nets.transformer import Causal
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


@pytest.mark.slow
def test_what_is_written_is_what_was_scored(tmp_path, float32):
    """Kills: scores of the weights before they are rounded."""
    done = invoke(induction.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "gallery-induction.json").read_text())["rows"]
    net = Causal(reader(2, STREAM, generator=seeded(0)))
    net.net.load_state_dict(torch.load(tmp_path / "induction.pt", weights_only=True))
    assert row["certain"] == pytest.approx(measured(net.eval(), seeded(1))["certain"], rel=1e-4)


def test_the_published_weights_are_those_of_the_results(float32):
    """Kills: weights of another run."""
    (row,) = json.loads((RESULTS / "gallery-induction.json").read_text("utf8"))["rows"]
    net = Causal(reader(2, STREAM, generator=seeded(0)))
    net.net.load_state_dict(load_weights("induction"))
    found = measured(net.eval(), seeded(1))
    for key in ("elsewhere", "certain", "back", "weight", "induction"):
        assert found[key] == pytest.approx(row[key], rel=1e-2, abs=1e-4)
