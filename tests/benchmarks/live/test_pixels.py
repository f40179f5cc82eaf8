"""The command that trains the network of chapter 10's live figure, and the file that it wrote."""

import re

import pytest
import torch

from benchmarks.live import pixels
from coursepkg.data.digits import load_labels, load_split
from tests.benchmarks.invoke import invoke


def said(text):
    """Nats on validation and test, as the comment at the head of the file says."""
    words = " ".join(text[: text.index("*/")].split())
    return [
        float(x) for x in re.search(r"exactly ([\d.]+) .* validation, ([\d.]+) ", words).groups()
    ]


def scores(model):
    split = load_split()
    with torch.no_grad():
        return [-model.log_prob(x).mean().item() for x in (split.valid, split.test)]


@pytest.mark.slow
def test_what_is_written_is_what_was_scored(tmp_path, float32, monkeypatch):
    """Kills: scores of the weights before they are rounded, sizes that are not the network's."""
    monkeypatch.setitem(pixels.SIZES, "channels", 4)
    monkeypatch.setitem(pixels.SIZES, "blocks", 1)
    done = invoke(pixels.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    path = tmp_path / "pixels-weights.js"
    model, digits = pixels.load(path)
    assert said(path.read_text(encoding="utf-8")) == pytest.approx(scores(model), abs=0.006)
    x, y = load_split().test.tolist(), load_labels().test.tolist()
    assert [y[x.index(digit)] for digit in digits.tolist()] == list(range(10))


def test_the_published_network_is_small_and_good_and_as_its_file_says():
    """Kills: weights of other sizes than the code's, a file that nobody wants to load."""
    model, _ = pixels.load()
    found = scores(model.double())
    assert said(pixels.WEIGHTS.read_text(encoding="utf-8")) == pytest.approx(found, abs=0.006)
    assert found[1] <= 84
    assert pixels.WEIGHTS.stat().st_size <= 150_000
