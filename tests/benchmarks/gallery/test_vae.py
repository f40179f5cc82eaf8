"""The command that trains the autoencoders of MNIST, and the files that it wrote."""

import json
import math

import pytest
import torch

from benchmarks.gallery import vae as gallery
from benchmarks.provenance import RESULTS
from coursepkg.data.mnist import binarise_mnist, load_mnist
from coursepkg.evaluation import ImportanceBound, nats
from coursepkg.nets.trained import FOLDER, load_weights
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke

MODELS = {"plane": gallery.plane, "vae": gallery.grey_levels}


def images(name):
    x = load_mnist().test
    return binarise_mnist(x) if name == "plane" else x


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_is_what_was_scored(tmp_path, float32, monkeypatch, name):
    """Kills: scores of the weights before they are rounded, sizes that are not the network's."""
    monkeypatch.setitem(gallery.VAE_SIZES, "decoder", 8)
    monkeypatch.setitem(gallery.PLANE, "widths", [4, 5])
    done = invoke(gallery.main, "--quick", "--only", name, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert {file.name for file in tmp_path.iterdir()} == {
        f"{name}.pt", f"{name}.json", f"gallery-{name}.json"
    }  # fmt: skip
    (row,) = json.loads((tmp_path / f"gallery-{name}.json").read_text())["rows"]
    model = MODELS[name]()
    state = torch.load(tmp_path / f"{name}.pt", weights_only=True)
    assert {v.dtype for v in state.values()} == {torch.float16}
    model.load_state_dict(state)
    x = images(name)[:60]
    found = nats(model, x, generator=seeded(2), batch_size=50).value
    assert row["test"]["nats"] == pytest.approx(found, rel=1e-6)
    assert row["test"]["bits_per_dim"] == pytest.approx(found / (784 * math.log(2)), rel=1e-6)
    bound = nats(ImportanceBound(model, 2), x, generator=seeded(2), batch_size=50).value
    assert row["test_weighted"]["nats"] == pytest.approx(bound, rel=1e-6)
    sizes = gallery.PLANE if name == "plane" else gallery.VAE_SIZES
    assert {key: row[key] for key in sizes} == sizes


@pytest.mark.parametrize(("name", "most"), [("plane", 0.28), ("vae", 1.5)])
def test_a_published_model_is_small_and_as_good_as_its_row_says(name, most):
    """Of the first 60 test images. Kills: weights of other sizes, a bound worse than its row."""
    (row,) = json.loads((RESULTS / f"gallery-{name}.json").read_text(encoding="utf-8"))["rows"]
    assert row["test"]["bits_per_dim"] < most
    assert row["cpu_seconds"] <= 20 * 60
    assert (FOLDER / f"{name}.pt").stat().st_size < 1_000_000
    model = MODELS[name]()
    model.load_state_dict(load_weights(name))
    found = nats(model.eval(), images(name)[:60], generator=seeded(3), draws=2, batch_size=30)
    assert found.value == pytest.approx(row["test"]["nats"], abs=6 * found.error_data)


def test_the_grey_model_starts_at_the_shares_of_the_levels(float32):
    """Every pixel by itself. Kills: levels of another pixel, a share of nothing."""
    model, x = gallery.grey_levels().eval(), load_mnist().train[:50]
    gallery.start_from(model, x)
    output = model.decode(torch.zeros(1, model.latent))
    log_p = output.view(784, 256).log_softmax(-1).exp()
    share = torch.stack([torch.bincount(column, minlength=256) for column in x.T]) + 0.3
    torch.testing.assert_close(log_p, share / share.sum(1, keepdim=True), atol=1e-5, rtol=1e-4)
