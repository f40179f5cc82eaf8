"""The judge reads MNIST, as the published weights do."""

import json

import torch

from benchmarks.gallery import judge
from benchmarks.provenance import RESULTS
from coursepkg.data.mnist import load_mnist, load_mnist_labels
from coursepkg.nets.trained import FOLDER
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_quick_training_writes_weights_and_shares(tmp_path, float32):
    """Kills: a part that is left out, weights in single precision."""
    done = invoke(judge.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "gallery-judge.json").read_text())["rows"]
    assert all(0 <= row[part] <= 1 for part in ("train", "valid", "test"))
    state = torch.load(tmp_path / "judge.pt", weights_only=True)
    assert {value.dtype for value in state.values()} == {torch.float16}


def test_images_are_moved_whole():
    """A dot goes up to two pixels each way, all 25 places. Kills: one shift for all, wrapping."""
    x = torch.full((2000, 28, 28), -1.0)
    x[:, 10, 20] = 1.0
    found = judge.moved(x.flatten(1), generator=seeded(0)).view(-1, 28, 28)
    assert ((found == 1).sum((1, 2)) == 1).all()
    assert ((found == -1).sum((1, 2)) == 783).all()
    places = {tuple(place[1:].tolist()) for place in (found == 1).nonzero()}
    assert places == {(row, column) for row in range(8, 13) for column in range(18, 23)}
    corner = torch.full((500, 28, 28), -1.0)
    corner[:, 0, 0] = 1.0
    seen = judge.moved(corner.flatten(1), generator=seeded(0)).view(-1, 28, 28) == 1
    assert not seen[:, 5:].any()
    assert 0.2 < seen.sum((1, 2)).double().mean() < 0.55  # 9 of 25 moves keep it: 0.36


def test_the_published_judge_reads_as_its_file_says(float32):
    """At least 97 % of the test images. Kills: weights of another training."""
    (row,) = json.loads((RESULTS / "gallery-judge.json").read_text("utf8"))["rows"]
    x, c = judge.images(load_mnist().test), load_mnist_labels().test
    assert abs(judge.accuracy(judge.trained(), x, c) - row["test"]) < 1e-9
    assert row["test"] >= 0.97
    assert (FOLDER / "judge.pt").stat().st_size < 1_000_000
