"""The small model of the plays: its file, and what the published weights write."""

import json

import pytest
import torch

from benchmarks.gallery import shakespeare
from benchmarks.provenance import RESULTS
from coursepkg.data.text import Vocabulary, load_shakespeare, shakespeare_folder
from coursepkg.models.language.writing import Remembering, write
from coursepkg.nets.trained import FOLDER, load_weights
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke

THERE = pytest.mark.skipif(
    not (FOLDER / "shakespeare.pt").exists(), reason="python -m benchmarks.gallery.shakespeare"
)
PLAYS = pytest.mark.skipif(not shakespeare_folder().exists(), reason="needs the plays")


@PLAYS
@pytest.mark.slow
def test_quick_training_writes_weights_and_scores(tmp_path, float32):
    """Kills: characters that are not kept, or rounded; a part left out."""
    done = invoke(shakespeare.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "gallery-shakespeare.json").read_text())["rows"]
    for part in ("valid", "test"):
        assert 3 < row[part]["bits"] < 7
    state = torch.load(tmp_path / "shakespeare.pt", weights_only=True)
    code = Vocabulary.from_text(load_shakespeare().train)
    assert "".join(map(chr, state["characters"].tolist())) == code.characters
    assert set(state) == set(shakespeare.network(code).state_dict())
    assert (tmp_path / "shakespeare.pt").stat().st_size < 2 * 2**20


@THERE
def test_the_published_weights_write_words(float32):
    """Kills: characters in another order, a network of another size."""
    state = load_weights("shakespeare")
    code = Vocabulary("".join(map(chr, state["characters"].tolist())))
    net = shakespeare.network(code)
    net.load_state_dict(state)
    y = write(Remembering(net.eval()), code.encode("\n")[None], 200, generator=seeded(0))
    text = code.decode(y[0])
    assert text.count(" ") > 15
    (row,) = json.loads((RESULTS / "gallery-shakespeare.json").read_text("utf8"))["rows"]
    assert row["test"]["bits"] < 2.4
