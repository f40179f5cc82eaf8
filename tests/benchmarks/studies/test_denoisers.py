"""Two denoisers of the digits at equal seconds."""

import json

import pytest
import torch

from benchmarks.provenance import RESULTS
from benchmarks.studies import denoisers
from coursepkg.data.digits import Split, load_split
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke


@pytest.mark.slow
def test_quick_run_writes_bounds(tmp_path, float32, monkeypatch):
    """Kills: a network that is left out, a number that is lost."""
    monkeypatch.setattr(denoisers, "NETS", dict(list(denoisers.NETS.items())[1:2]))
    done = invoke(denoisers.main, "--seconds", "0.1", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "denoisers.json").read_text())["rows"]
    assert row["epochs"] == [2]
    assert 80 < row["valid"][0] < 180
    assert row["cpu_seconds"][0] > 0


@pytest.mark.parametrize("name", denoisers.NETS)
def test_an_untrained_network_says_the_frequencies(name, float32):
    """Of each pixel's levels. Kills: outputs that do not start at zero, another pixel's levels."""
    train = load_split().train
    net = denoisers.fresh(denoisers.NETS[name], train, 0).denoiser.net.eval()
    p = net(torch.randn(2, 64, generator=seeded(0)), torch.zeros(2)).view(2, 64, 17).softmax(-1)
    counts = torch.stack([(train == k).sum(0) for k in range(17)], dim=1)
    torch.testing.assert_close(p[0], (counts + 0.1) / (1000 + 1.7))
    torch.testing.assert_close(p[1], p[0])


def test_epochs_are_those_that_fit_validation_and_all(monkeypatch, float32):
    """An epoch takes 10 s and its validation 5 s: of 90 s it gets six.

    Kills: passes that are not counted, another training than the one that was timed.
    """
    clock, split = [0.0], Split(*(part[:20] for part in load_split()))

    def takes(model, train, *, valid, epochs, **_):
        assert train is split.train
        clock[0] += epochs * (10.0 + (valid is split.valid) * 5.0)

    monkeypatch.setattr(denoisers, "one_cycle", takes)
    monkeypatch.setattr(denoisers.time, "process_time", lambda: clock[0])
    found = denoisers.reached(denoisers.NETS["U-Net"], split, 90.0, 0)
    assert (found["epochs"], found["cpu_seconds"]) == (6, 90.0)


def test_the_published_trainings_took_equal_seconds():
    """Within a half. Kills: passes that were not counted."""
    path = RESULTS / "denoisers.json"
    if not path.exists():
        pytest.skip("python -m benchmarks.studies.denoisers")
    rows = json.loads(path.read_text("utf8"))["rows"]
    assert [row["net"] for row in rows] == list(denoisers.NETS)
    spent = [row["cpu_seconds"][0] for row in rows]
    assert max(spent) < 1.5 * min(spent)
