"""The command that trains the WaveNet of vowels."""

import json
import math

import pytest
import torch

from benchmarks.gallery import wavenet
from coursepkg.data.audio import load_vowels
from tests.benchmarks.invoke import invoke


@pytest.mark.slow
def test_what_is_written_is_what_was_scored(tmp_path, float32, monkeypatch):
    """Kills: scores of the weights before they are rounded, sizes that are not the network's."""
    monkeypatch.setitem(wavenet.WAVENET, "channels", 4)
    monkeypatch.setitem(wavenet.WAVENET, "dilations", [1, 2])
    clips = [(x[:20], c[:20]) for x, c in wavenet.parts()]
    monkeypatch.setattr(wavenet, "parts", lambda: clips)
    done = invoke(wavenet.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "gallery-wavenet.json").read_text())["rows"]
    model = wavenet.network()
    state = torch.load(tmp_path / "wavenet.pt", weights_only=True)
    assert {value.dtype for value in state.values()} == {torch.float16}
    model.net.load_state_dict(state)
    found = -model.eval().log_prob(clips[2][0], condition=clips[2][1]).mean().item()
    assert row["test"]["nats"] == pytest.approx(found, rel=1e-5)
    assert row["test"]["bits_per_dim"] == pytest.approx(found / (1600 * math.log(2)), rel=1e-5)
    assert (row["channels"], row["dilations"]) == (4, [1, 2])


def test_clips_are_levels_with_their_vowels():
    """Kills: levels of another number, vowels of another part."""
    for (x, c), part in zip(wavenet.parts(), load_vowels(), strict=True):
        assert x.shape == (len(part.vowels), wavenet.T)
        assert (int(x.min()), int(x.max())) == (0, 255)
        assert torch.equal(c.argmax(1), part.vowels)
