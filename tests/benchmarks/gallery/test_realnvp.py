"""The command that trains the flow of MNIST."""

import json
import math

import pytest
import torch

from benchmarks.gallery import realnvp
from coursepkg.data.digits import Split
from coursepkg.data.mnist import load_mnist
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


@pytest.mark.slow
def test_what_is_written_is_what_was_scored(tmp_path, float32, monkeypatch):
    """Kills: scores of the weights before they are rounded, sizes that are not the flow's."""
    monkeypatch.setitem(realnvp.REALNVP, "hidden", 4)
    monkeypatch.setitem(realnvp.REALNVP, "couplings", 2)
    done = invoke(realnvp.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "gallery-realnvp.json").read_text())["rows"]
    flow = realnvp.couplings(generator=seeded(0))
    state = torch.load(tmp_path / "realnvp.pt", weights_only=True)
    assert {v.dtype for v in state.values()} == {torch.float16, torch.int64}
    flow.load_state_dict(state)
    split = Split(*(part[:60] for part in load_mnist()))
    model = realnvp.of_levels(flow, split.train).eval()
    found = nats(model, split.test, generator=seeded(2), batch_size=50).value
    assert row["test"]["nats"] == pytest.approx(found, rel=1e-6)
    assert row["test"]["bits_per_dim"] == pytest.approx(found / (784 * math.log(2)), rel=1e-6)
    bound = ImportanceBound(model, 8)
    weighted = nats(bound, split.test, generator=seeded(2), batch_size=50).value
    assert row["test_weighted"]["nats"] == pytest.approx(weighted, rel=1e-6)
    assert weighted < found
    assert (row["hidden"], row["couplings"], row["weights"]) == (4, 2, 8)
