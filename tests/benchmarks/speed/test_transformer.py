"""The race of layers: both compute the same, in training mode, and the ratio is a ratio."""

import json

import pytest
import torch
from torch.testing import assert_close

from benchmarks.speed import transformer
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


def test_what_is_timed_is_the_same_layer(float32):
    """Kills: weights of another layer, no mask, eval mode."""
    ours, theirs = transformer.layers()
    x = torch.randn(2, 5, transformer.WIDTH, generator=seeded(0))
    mask = torch.nn.Transformer.generate_square_subsequent_mask(5)
    assert_close(ours(x), theirs(x, src_mask=mask, is_causal=True), rtol=1e-4, atol=1e-4)
    assert ours.training
    assert theirs.training


def test_a_step_moves_every_weight(float32):
    """Kills: a forward pass for a step."""
    ours, _ = transformer.layers()
    before = [p.clone() for p in ours.parameters()]
    x = torch.randn(2, 5, transformer.WIDTH, generator=seeded(0))
    transformer.step(ours, lambda: ours(x))()
    assert not any(torch.equal(p, q) for p, q in zip(before, ours.parameters(), strict=True))


def test_the_ratio_is_of_torchs_to_ours(tmp_path, monkeypatch, float32):
    """Kills: a ratio the other way round, a slow round that counts."""
    seconds = iter([9.0, 9.0, *8 * [2.0, 3.0]])
    monkeypatch.setattr(transformer, "fastest", lambda work, **_: (work(), next(seconds))[1])
    done = invoke(transformer.main, "4", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "transformer_speed.json").read_text())["rows"]
    assert (row["ours"], row["torch"]) == (2.0, pytest.approx(1.5))
