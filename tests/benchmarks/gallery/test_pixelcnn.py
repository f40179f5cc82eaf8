"""The command that trains the PixelCNN of MNIST."""

import json
import math

import pytest
import torch

from benchmarks.gallery import pixelcnn
from tests.benchmarks.invoke import invoke


@pytest.mark.slow
def test_what_is_written_is_what_was_scored(tmp_path, float32, monkeypatch):
    """Kills: scores of the weights before they are rounded, sizes that are not the network's."""
    monkeypatch.setitem(pixelcnn.PIXELCNN, "channels", 4)
    monkeypatch.setitem(pixelcnn.PIXELCNN, "layers", 1)
    images, labels = pixelcnn.images(), pixelcnn.labels()
    monkeypatch.setattr(pixelcnn, "images", lambda: [part[:60] for part in images])
    monkeypatch.setattr(pixelcnn, "labels", lambda: [part[:60] for part in labels])
    done = invoke(pixelcnn.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "gallery-pixelcnn.json").read_text())["rows"]
    model = pixelcnn.network()
    state = torch.load(tmp_path / "pixelcnn.pt", weights_only=True)
    assert {value.dtype for value in state.values()} == {torch.float16}
    model.net.load_state_dict(state)
    model.eval()
    found = -model.log_prob(images[2][:60], condition=labels[2][:60]).mean().item()
    assert row["test"]["nats"] == pytest.approx(found, rel=1e-5)
    assert row["test"]["bits_per_dim"] == pytest.approx(found / (196 * math.log(2)), rel=1e-5)
    assert row["channels"] == 4


def test_images_have_sixteen_levels_and_their_labels():
    """Kills: levels of another number, labels of another part."""
    for x, c in zip(pixelcnn.images(), pixelcnn.labels(), strict=True):
        assert (int(x.min()), int(x.max())) == (0, 15)
        assert (x.shape[1], c.shape) == (196, (len(x), 10))
        assert torch.equal(c.argmax(1)[:10].sort().values, torch.arange(10))
