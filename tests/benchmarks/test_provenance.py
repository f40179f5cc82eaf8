"""Of several processes one writes, and what it writes says how they were started."""

import hashlib
import json
from pathlib import Path

from torch import nn

from benchmarks import provenance
from benchmarks.gallery import publish
from coursepkg.gallery import signature
from coursepkg.nets.mlp import MLP
from coursepkg.rng import seeded


def test_the_first_process_alone_writes_results(tmp_path: Path, monkeypatch):
    """Kills: two processes that write one file."""
    monkeypatch.setenv("RANK", "1")
    provenance.write_results(tmp_path / "a.json", [{"x": 1}])
    assert not [*tmp_path.iterdir()]
    for rank in ("0", None):
        monkeypatch.setenv("RANK", rank) if rank else monkeypatch.delenv("RANK")
        provenance.write_results(tmp_path / f"{rank}.json", [{"x": 1}])
        assert json.loads((tmp_path / f"{rank}.json").read_text())["rows"] == [{"x": 1}]


def test_the_command_under_fabric_run_is_one_that_can_be_typed(tmp_path: Path, monkeypatch):
    """Kills: `python words.py`, which runs on one process and finds no benchmarks."""
    script = Path(provenance.__file__).with_name("gallery") / "words.py"
    monkeypatch.setattr(provenance.sys, "argv", [str(script), "--quick"])
    for name, value in (("CLI_USED", "1"), ("ACCELERATOR", "cpu"), ("DEVICES", "2")):
        monkeypatch.setenv(f"LT_{name}", value)
    monkeypatch.delenv("LT_PRECISION", raising=False)
    found = provenance.provenance()["command"]
    assert found == "fabric run --accelerator=cpu --devices=2 benchmarks/gallery/words.py --quick"


def test_weights_are_signed_by_the_first_process(tmp_path: Path, monkeypatch):
    """Kills: weights without a signature, or one of the weights before they were rounded."""
    net: nn.Module = MLP([2, 3, 1], generator=seeded(0))
    monkeypatch.setenv("RANK", "1")
    publish.save("words", net, {}, dict, quick=False, out=tmp_path)
    assert not [*tmp_path.iterdir()]
    monkeypatch.setenv("RANK", "0")
    publish.save("words", net, {}, dict, quick=False, out=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "words.pt", "words.json", "gallery-words.json"
    }  # fmt: skip
    signed = signature("words", folder=tmp_path)
    assert signed["command"] == provenance.provenance()["command"]
    digest = hashlib.sha256((tmp_path / "words.pt").read_bytes()).hexdigest()
    assert signed["sha256"] == digest
