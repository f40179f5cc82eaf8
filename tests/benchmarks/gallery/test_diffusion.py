"""A diffusion of MNIST by class: how it is trained, and what the published weights reach."""

import json

import pytest
import torch
from torch import nn

from benchmarks.gallery import diffusion
from benchmarks.gallery.judge import images
from benchmarks.provenance import RESULTS
from coursepkg.data.mnist import load_mnist, load_mnist_labels
from coursepkg.models.diffusion import signal_at
from coursepkg.nets.trained import FOLDER
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke

THERE = pytest.mark.skipif(
    not (FOLDER / "diffusion.pt").exists(), reason="python -m benchmarks.gallery.diffusion"
)


@pytest.mark.slow
def test_quick_training_writes_weights_and_scores(tmp_path, float32):
    """Kills: weights of the loss's names, a part that is left out."""
    done = invoke(diffusion.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "gallery-diffusion.json").read_text())["rows"]
    for part in ("valid", "test"):
        assert 0 < row[part]["told"] < 1.5
        assert 0 < row[part]["kept_back"] < 1.5
    assert row["cpu_seconds"] > 0
    state = torch.load(tmp_path / "diffusion.pt", weights_only=True)
    assert set(state) == set(diffusion.network().state_dict())
    assert {value.dtype for value in state.values()} == {torch.float16}


class Knows(nn.Module):
    """Says v of one image, which it knows, and something beside it."""

    def __init__(self, x, beside):
        super().__init__()
        self.x, self.beside = x, beside

    def forward(self, z, log_snr):
        signal = signal_at(log_snr)
        eps = (z - signal.alpha * self.x) / signal.sigma
        return signal.alpha * eps - signal.sigma * self.x + self.beside


def test_the_loss_is_the_mean_square_error_in_v():
    """Kills: x or ε in place of v, a sum over the pixels."""
    x = torch.linspace(-1, 1, 12).expand(5, 12)
    beside = torch.arange(12.0)
    loss = diffusion.VelocityLoss(Knows(x, beside)).loss(x, generator=seeded(0))
    torch.testing.assert_close(loss, torch.full((5,), beside.square().mean().item()))


def test_noise_levels_are_those_of_the_law():
    """Kills: one level for all, levels that are not told."""
    seen = []

    class Looks(nn.Module):
        def forward(self, z, log_snr):
            seen.append(log_snr)
            return 0 * z

    diffusion.VelocityLoss(Looks()).loss(torch.zeros(4000, 1), generator=seeded(0))
    level = seen[0].sort().values
    assert -9 < level[0] < -8
    assert 8 < level[-1] < 9
    # the logistic law's middle half, at ± scale log 3, one level in each 4000-th part
    assert level[[1000, 2999]] == pytest.approx([-1.5 * 1.0986, 1.5 * 1.0986], abs=0.03)


def test_seconds_of_all_runs_together():
    """Kills: only the last run's, an epoch counted twice."""
    assert diffusion.seconds([1.0, 2.0, 3.0]) == pytest.approx(3.0)
    assert diffusion.seconds([1.0, 2.0, 0.5, 1.5, 0.25]) == pytest.approx(3.75)


def test_a_training_goes_on_from_its_checkpoint(tmp_path, float32):
    """Kills: a checkpoint that is not written, or not read."""
    x, c = torch.rand(64, 784, generator=seeded(0)) - 0.5, torch.eye(10)[torch.arange(64) % 10]
    path = tmp_path / "training"
    net, again = diffusion.network(), diffusion.network()
    first = diffusion.trained(net, x, c, 1, path)
    assert diffusion.trained(again, x, c, 1, path) == first  # nothing is left to do
    for name, value in net.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value)


@THERE
def test_the_published_weights_score_as_their_file_says(float32):
    """On validation; the class helps. Kills: weights of another training."""
    (row,) = json.loads((RESULTS / "gallery-diffusion.json").read_text("utf8"))["rows"]
    x, c = images(load_mnist().valid), torch.eye(10)[load_mnist_labels().valid]
    found = diffusion.off(diffusion.published(), x, c)
    for name, value in found.items():
        assert value == pytest.approx(row["valid"][name], rel=1e-3)
    assert found["told"] < found["kept_back"]
    assert (FOLDER / "diffusion.pt").stat().st_size < 2_000_000
    assert row["cpu_seconds"] <= 600
