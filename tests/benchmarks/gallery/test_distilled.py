"""A student of the diffusion of MNIST: how it is trained, and what the published weights reach."""

import json

import pytest
import torch

from benchmarks.gallery import diffusion, distilled
from benchmarks.gallery.judge import images, trained
from benchmarks.provenance import RESULTS
from coursepkg.data.mnist import load_mnist
from coursepkg.evaluation.samples import frechet_distance
from coursepkg.nets.trained import FOLDER
from coursepkg.rng import seeded
from tests.benchmarks.invoke import invoke

TEACHER = pytest.mark.skipif(
    not (FOLDER / "diffusion.pt").exists(), reason="python -m benchmarks.gallery.diffusion"
)
THERE = pytest.mark.skipif(
    not (FOLDER / "distilled.pt").exists(), reason="python -m benchmarks.gallery.distilled"
)


@TEACHER
@pytest.mark.slow
def test_quick_training_writes_weights_and_measures(tmp_path, float32):
    """Kills: weights of the loss's names, a sampler or a measure left out."""
    done = invoke(distilled.main, "--quick", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "gallery-distilled.json").read_text())["rows"]
    assert set(row["student"]) == {"1", "2", "4"}
    assert set(row["teacher"]) == {"2", "4", "30"}
    for found in (*row["student"].values(), *row["teacher"].values()):
        assert 0 <= found["read"] <= 1
        assert {"valid", "frechet", "precision", "recall", "cpu_seconds_of_1000"} < set(found)
    assert {"draws", "paths", "1", "2", "4", "2 beside paths"} < set(row["many"])
    assert row["cpu_seconds"] > row["cpu_seconds_of_the_paths"] > 0
    state = torch.load(tmp_path / "distilled.pt", weights_only=True)
    assert set(state) == set(diffusion.network().state_dict())
    assert {value.dtype for value in state.values()} == {torch.float16}


class Knows(torch.nn.Module):
    """v of a guess that is `said` without a class, and `said` plus its row's label with one."""

    def __init__(self, said):
        super().__init__()
        self.said = torch.nn.Parameter(torch.tensor(said))
        self.calls = 0

    def forward(self, z, log_snr, condition):
        self.calls += 1
        x = self.said + condition @ torch.arange(10.0)
        alpha, sigma = (torch.sigmoid(sign * log_snr).sqrt()[:, None] for sign in (1, -1))
        return (alpha * z - x[:, None]) / sigma


def test_the_teacher_leans_on_the_class(float32):
    """A guess that heeds no z, jumped to in one step. Kills: no guidance, the class left out."""
    told = distilled.in_turn(20)
    net = Knows(0.5)
    x = distilled.jumps(net, told, 1).sample(20, generator=seeded(0))
    noise = torch.randn(20, 784, generator=seeded(0))
    truth = 0.5 + distilled.WEIGHT * told @ torch.arange(10.0)
    # one step goes from x by (guess - x) / (1 - t): what is left of x is the limit's t
    kept = torch.sigmoid(torch.tensor(-distilled.LIMIT / 2))
    expected = noise + (truth[:, None] - noise) / (1 - kept)
    torch.testing.assert_close(x, expected, atol=1e-3, rtol=1e-4)
    assert net.calls == 2


def test_the_student_calls_once_a_step_and_leans_on_nothing(float32):
    """After the first jump fresh noise. Kills: guidance a second time, a jump too few."""
    told, net = distilled.in_turn(20), Knows(0.5)
    x = distilled.restarts(net, told, 4).sample(20, generator=seeded(0))
    assert net.calls == 4
    truth = 0.5 + told @ torch.arange(10.0)
    torch.testing.assert_close(x, truth[:, None].expand(20, 784), atol=1e-3, rtol=1e-4)


def test_paths_lead_to_what_is_drawn(float32, monkeypatch):
    """In parts, with the classes in turn. Kills: classes of another part, places out of order."""
    monkeypatch.setattr(distilled, "TOGETHER", 10)
    net = Knows(0.5)
    x, c, seconds = distilled.walked(net, 30, generator=seeded(0))
    assert x.shape == (30, distilled.PLACES + 1, 784)
    assert c.argmax(1).tolist() == [n % 10 for n in range(30)]
    assert seconds > 0
    g = seeded(0)
    for part, told in zip(x.split(10), c.split(10), strict=True):
        drawn = distilled.jumps(net, told, distilled.STEPS).sample(10, generator=g)
        torch.testing.assert_close(part[:, -1], drawn)
    again = distilled.draw(distilled.jumps, net, 30, distilled.STEPS, generator=seeded(0))
    torch.testing.assert_close(again, x[:, -1].clamp(-1, 1))


def test_kept_paths_are_not_walked_again(float32, tmp_path, monkeypatch):
    """Kills: a part under another's name; seconds of the reading for those of the walk."""
    monkeypatch.setattr(distilled, "TOGETHER", 10)
    net = Knows(0.5)
    first = distilled.walked(net, 30, folder=tmp_path, generator=seeded(0))
    calls = net.calls
    again = distilled.walked(net, 30, folder=tmp_path, generator=seeded(0))
    assert net.calls == calls
    assert again[2] == first[2]
    torch.testing.assert_close(again[0], first[0])
    (tmp_path / "paths-1.pt").unlink()
    third = distilled.walked(net, 30, folder=tmp_path, generator=seeded(0))
    assert net.calls == calls + 2 * distilled.STEPS
    torch.testing.assert_close(third[0], first[0])


def test_a_training_goes_on_from_its_checkpoint_and_leaves_the_teacher(tmp_path, float32):
    """Kills: a checkpoint that is not read, a teacher that is trained with its student."""
    x, c = torch.randn(64, distilled.PLACES + 1, 784, generator=seeded(0)), distilled.in_turn(64)
    teacher, path = diffusion.network(), tmp_path / "training"
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    student, first = distilled.taught(teacher, x, c, epochs=1, checkpoint=path)
    again, seconds = distilled.taught(teacher, x, c, epochs=1, checkpoint=path)
    assert seconds == first  # nothing is left to do
    changed = False
    for name, value in student.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value)
        torch.testing.assert_close(teacher.state_dict()[name], before[name])
        changed = changed or not torch.equal(value, before[name])
    assert changed


def published():
    (row,) = json.loads((RESULTS / "gallery-distilled.json").read_text("utf8"))["rows"]
    return row


@THERE
def test_the_published_draws_are_read_and_lie_near_as_the_file_says(float32):
    """Two steps, the draws of the validation. Kills: weights of another training."""
    net, judge, row = distilled.published(), trained(), published()
    x = distilled.draw(distilled.restarts, net, 500, 2, generator=seeded(3))
    assert (judge.read(x) == torch.arange(500) % 10).double().mean() > 0.95
    with torch.no_grad():
        real, drawn = (judge.features(each) for each in (images(load_mnist().valid), x))
    found = frechet_distance(real, drawn)
    assert found == pytest.approx(row["student"]["2"]["valid"], rel=0.02)
    assert (FOLDER / "distilled.pt").stat().st_size < 2_000_000


@THERE
def test_the_published_student_reaches_the_target():
    """In two steps at most 1.5 times the Fréchet distance of its teacher's 30, in ten minutes."""
    row = published()
    student, teacher = row["student"], row["teacher"]
    assert student["2"]["frechet"]["value"] <= 1.5 * teacher["30"]["frechet"]["value"]
    assert student["2"]["frechet"]["value"] < teacher["2"]["frechet"]["value"] / 2
    assert row["cpu_seconds"] <= 600
