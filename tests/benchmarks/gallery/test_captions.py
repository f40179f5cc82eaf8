"""Captions to digits: how the network is made of that of classes, told and trained."""

import json

import pytest
import torch
from torch import nn

from benchmarks.gallery import captions, diffusion
from benchmarks.gallery.judge import images
from benchmarks.provenance import RESULTS
from coursepkg.data.captions import CAPTION_WORDS, count_words, measure_strokes
from coursepkg.data.mnist import load_mnist
from coursepkg.nets.trained import FOLDER
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke

THERE = pytest.mark.skipif(
    not (FOLDER / "captions.pt").exists(), reason="python -m benchmarks.gallery.captions"
)


@pytest.mark.slow
def test_quick_training_writes_weights_and_scores(tmp_path, float32):
    """Kills: weights of the loss's names, a part that is left out."""
    done = invoke(captions.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "gallery-captions.json").read_text())["rows"]
    for part in ("valid", "test"):
        assert set(row[part]) == {"all", "digit", "nothing"}
        assert all(0 < value < 1.5 for value in row[part].values())
    state = torch.load(tmp_path / "captions.pt", weights_only=True)
    assert set(state) == set(captions.network().state_dict())
    assert {value.dtype for value in state.values()} == {torch.float16}


def test_before_training_a_digits_word_says_what_its_class_said(float32):
    """Kills: classes in another order, further words that do not start at 0, noise moved."""
    z, level = torch.randn(1, 784, generator=seeded(0)).expand(10, 784), torch.zeros(10)
    told = count_words([f"a thin {digit}, leaning left" for digit in CAPTION_WORDS[:10]])
    with torch.no_grad():
        expected = diffusion.published()(z, level, torch.eye(10))
        found = captions.from_classes().eval()(z, level, told)
    torch.testing.assert_close(found, expected)
    assert (expected - expected.roll(1, 0)).abs().max() > 0.1


def test_ink_is_the_grey_level():
    """There and back. Kills: paper for ink, 256 for 255."""
    x = load_mnist().test[:3]
    ink = captions.ink(images(x))
    torch.testing.assert_close((ink * 255).round().long().flatten(1), x)
    torch.testing.assert_close(measure_strokes(ink), measure_strokes(x.view(-1, 28, 28) / 255.0))


def test_attributes_of_all_images():
    """A third at either end of the training images. Kills: limits from each part, or of another."""
    attributes = captions.captions().attributes
    assert [len(part) for part in attributes] == [4000, 500, 500]
    for value in (-1, 1):
        shares = (attributes.train[:, 1:] == value).double().mean(0)
        assert (shares - 1 / 3).abs().max() < 0.005
    shares = (attributes.test[:, 1:] == 1).double().mean(0)
    assert (shares - 1 / 3).abs().max() < 0.1


def test_some_is_left_out_and_never_the_digit():
    """Kills: the share that is said for the one that is not; a row at a time."""
    rows = torch.tensor([[7, 1, -1, 1]]).expand(20_000, 4)
    found = captions.hushed(rows, generator=seeded(0))
    assert (found[:, 0] == 7).all()
    left_out = (found[:, 1:] == 0).double()
    assert left_out.mean(0).tolist() == pytest.approx([captions.SILENT] * 3, abs=0.025)
    assert (torch.corrcoef(left_out.T) - torch.eye(3)).abs().max() < 0.05
    assert ((found == rows) | (found == 0)).all()


def test_the_network_is_told_a_caption_of_the_attributes():
    """Kills: attributes in place of words, one caption for all, a caption that is kept for good."""
    seen = []

    class Listens(nn.Module):
        def forward(self, z, log_snr, condition):
            seen.append(condition)
            return 0 * z

    rows = torch.tensor([[7, 1, 0, 0], [8, 0, 0, -1]])
    model = captions.Captioned(Listens())
    for seed in range(40):
        model.loss(torch.zeros(2, 5), condition=rows, generator=seeded(seed))
    told = torch.stack(seen)  # (40, 2, V)
    words = {word: told[:, :, v] for v, word in enumerate(CAPTION_WORDS)}
    heard = told.sum(-1) > 0  # the rest is forgotten
    assert (words["seven"] == heard * torch.tensor([1, 0])).all()
    assert (words["eight"] == heard * torch.tensor([0, 1])).all()
    for one, other in (("thick", "bold"), ("narrow", "slim")):
        assert words[one].any()
        assert words[other].any()
        assert not (words[one] * words[other]).any()
    assert not words["thin"].any()


@THERE
def test_the_published_weights_score_as_their_file_says(float32):
    """On validation; words help. Kills: weights of another training."""
    (row,) = json.loads((RESULTS / "gallery-captions.json").read_text("utf8"))["rows"]
    said = captions.captions().attributes.valid
    found = captions.off(captions.published(), images(load_mnist().valid), said)
    for name, value in found.items():
        assert value == pytest.approx(row["valid"][name], rel=1e-3)
    assert found["all"] < found["digit"] < found["nothing"]
    assert (FOLDER / "captions.pt").stat().st_size < 1_000_000
    assert row["cpu_seconds"] <= 600
