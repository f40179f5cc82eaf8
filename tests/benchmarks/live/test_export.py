"""Weights in a script: what was written is read, and what cannot be is refused."""

import json

import pytest
import torch

from benchmarks.live.export import read_weights, write_weights

ARRAYS = {
    "net.weight": torch.tensor([[1.5, -2.0, 1e-30]], dtype=torch.float32),
    "half": torch.tensor([0.1, 65504.0], dtype=torch.float16),
    "mask": torch.tensor([[0, 255]], dtype=torch.uint8),
    "one": torch.tensor(3.0, dtype=torch.float32),
}


def test_what_was_written_is_read(tmp_path):
    """Kills: a type or shape that is lost, a name of another figure."""
    path = tmp_path / "tiny-weights.js"
    write_weights(path, ARRAYS, "Of nothing:\n{}")
    found = read_weights(path)
    assert list(found) == list(ARRAYS)
    for name, value in ARRAYS.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)
    comment, script = path.read_text(encoding="utf-8").split(" */\n")
    assert comment == "/* Of nothing:\n{}"
    assert "weights ??= {}).tiny = {" in script
    assert [file.name for file in tmp_path.iterdir()] == ["tiny-weights.js"]


def test_bytes_are_little_endian_and_in_the_order_of_rows(tmp_path):
    """Kills: a transposed copy, the machine's own order of bytes."""
    path = tmp_path / "t-weights.js"
    write_weights(path, {"x": torch.tensor([[1.0, 2.0], [3.0, 4.0]]).half().T}, "")
    text = path.read_text(encoding="utf-8")
    packed = json.loads(text[text.index('{"arrays') : text.rindex("}") + 1])["arrays"]["x"]
    # 1, 3, 2, 4 are 3C00, 4200, 4000, 4400
    assert packed == {"type": "float16", "shape": [2, 2], "data": "ADwAQgBAAEQ="}


def test_what_cannot_be_written_leaves_the_old_file(tmp_path):
    """Kills: float64 cut to something else, a comment that ends early, a file half written."""
    path = tmp_path / "tiny-weights.js"
    write_weights(path, ARRAYS, "first")
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"w: expected float32, float16, uint8, got torch.float64"):
        write_weights(path, {"w": torch.ones(2, dtype=torch.float64)}, "second")
    with pytest.raises(ValueError, match=r'comment: expected one without "\*/"'):
        write_weights(path, ARRAYS, "second */ alert(1)")
    with pytest.raises(
        ValueError, match=r'expected a name that ends in "-weights.js", got tiny.js'
    ):
        write_weights(tmp_path / "tiny.js", ARRAYS, "second")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["tiny-weights.js"]
