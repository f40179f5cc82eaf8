"""The file of chapter 14's live figure holds the published decoder and the codes of test images."""

import pytest
import torch

from benchmarks.live import plane
from coursepkg.data.mnist import binarise_mnist, load_mnist, load_mnist_labels
from coursepkg.nets.trained import load_weights
from tests.benchmarks.invoke import invoke


def test_what_is_written_is_what_was_published(tmp_path, float32):
    """Kills: the encoder's layers, training images, digits in another order."""
    done = invoke(plane.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    found = plane.load(tmp_path / "plane-weights.js")
    for name, value in load_weights("plane").items():
        if name.startswith("decoder."):
            assert torch.equal(found.pop(name.removeprefix("decoder.")), value)
    assert list(found) == ["codes", "labels"]
    assert found["labels"].tolist() == load_mnist_labels().test.tolist()
    model, x = plane.trained(), binarise_mnist(load_mnist().test[:50]).float()
    with torch.no_grad():
        torch.testing.assert_close(
            found["codes"][:50].float(), model.posterior(x).mean, rtol=2e-3, atol=2e-3
        )


def test_the_file_in_the_book_is_that_file(float32):
    """Kills: weights of another training than the published one's, a file too large for a page."""
    found = plane.load()
    fresh = plane.arrays()
    assert list(found) == list(fresh)
    for name, value in fresh.items():
        torch.testing.assert_close(found[name].float(), value.float(), rtol=2e-3, atol=2e-3)
    assert plane.WEIGHTS.stat().st_size <= 150_000
    text = plane.WEIGHTS.read_text(encoding="utf-8")
    assert "python -m benchmarks.gallery.vae" in text[: text.index("*/")].replace("\n", " ")


def test_codes_of_the_classes_lie_apart(float32):
    """The map is worth looking at: a code's nearest neighbours mostly show its own digit."""
    found = plane.arrays()
    codes, labels = found["codes"].double(), found["labels"].long()
    near = torch.cdist(codes, codes).fill_diagonal_(torch.inf).topk(5, largest=False).indices
    assert (labels[near].mode(1).values == labels).double().mean() > 0.55
    assert codes.std(0).numpy() == pytest.approx(1, abs=0.8), "the prior's scale"
