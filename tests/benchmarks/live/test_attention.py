"""The file of chapter 20's live figure holds the published reader."""

import torch

from benchmarks.live import attention
from coursepkg.nets.trained import load_weights
from tests.benchmarks.invoke import invoke


def test_what_is_written_is_what_was_published(tmp_path, float32):
    """Kills: another network, a layer left out."""
    done = invoke(attention.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    found = attention.load(tmp_path / "attention-weights.js")
    published = load_weights("induction")
    assert list(found) == list(published)
    for name, value in published.items():
        assert torch.equal(found[name], value), name


def test_the_file_in_the_book_is_that_file():
    """Kills: weights of an older training, a file too large for a page."""
    found = attention.load()
    for name, value in load_weights("induction").items():
        assert torch.equal(found[name], value), name
    assert attention.WEIGHTS.stat().st_size <= 200_000
    text = attention.WEIGHTS.read_text(encoding="utf-8")
    assert "python -m benchmarks.gallery.induction" in text[: text.index("*/")].replace("\n", " ")
