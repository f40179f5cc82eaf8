"""Two processes train as one: step by step, and what is kept, written and drawn."""

import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from coursepkg import rng, training
from coursepkg.training.checkpoint import RunState
from tests.coursepkg.training import on_processes
from tests.coursepkg.training.toys import Line, line_data, recipe, weights

ROOT = Path(__file__).parents[3]


class Recording(torch.optim.SGD):
    """Keeps the gradients that it steps along, and what it was told of the rate."""

    def __init__(self, model: Line) -> None:
        super().__init__(model.parameters(), 0.05, momentum=0.9)
        self.steps: list[Tensor] = []

    def step(self, closure: Any = None) -> None:
        each = [p.grad.flatten() for group in self.param_groups for p in group["params"]]
        self.steps.append(torch.cat([*each, torch.tensor([self.param_groups[0]["lr"]])]))
        super().step(closure)


class Seen(Line):
    """Keeps the examples that it was given, in order."""

    def __init__(self, **sizes: float) -> None:
        super().__init__(**sizes)
        self.seen: list[Tensor] = []

    def loss(self, x: Tensor, *, generator: rng.Generator) -> Tensor:
        if self.training:
            self.seen.append(x)
        return super().loss(x, generator=generator)


def train(N: int = 60, fabric: Fabric | None = None, **changes: Any) -> dict[str, Any]:
    """All that can be seen of one training."""
    model = Seen(noise=changes.pop("noise", 0), p_drop=changes.pop("p_drop", 0.0))
    optimizer, data = Recording(model), torch.cat([line_data(), line_data()[:1] + 1])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.97**step)
    options = recipe(model, optimizer=optimizer, schedule=schedule, **changes)
    history = training.fit(model, data[:N], fabric=fabric, **options)
    return {"steps": optimizer.steps, "seen": model.seen, "history": vars(history),
            "weights": weights(model), "state": options["generator"].get_state()}  # fmt: skip


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "odd": {"N": 61, "clip": 1.0},  # 16 + 16 + 16 + 13: the last is 7 and 6
    "uneven": {"batch_size": 15},  # 8 and 7 each time
    "kept": {"valid": line_data()[:20], "ema": 0.9, "clip": 0.5},
    "patient": {"select": lambda m: float((m.w[0] - 0.5).square()), "patience": 2, "epochs": 30},
    "noisy": {"noise": 0.5, "p_drop": 0.5, "epochs": 2},
    "noisy again": {"noise": 0.5, "p_drop": 0.5, "epochs": 2},
}


def _all(fabric: Fabric, folder: Path) -> None:
    saved: list[str] = []
    real = RunState.save
    RunState.save = lambda run, path: (saved.append(path.name), real(run, path))[1]
    found = {name: train(fabric=fabric, **case) for name, case in CASES.items()}
    options = {"p_drop": 0.5, "noise": 0.5, "ema": 0.9, "valid": line_data()[:20]}
    found["whole"] = train(fabric=fabric, **options, checkpoint=folder / "whole.run")
    for epochs in (2, 6):
        fabric.barrier()  # as between two commands: the file of the first is complete
        found["resumed"] = train(fabric=fabric, **options, checkpoint=folder / "parts.run",
                                 epochs=epochs)  # fmt: skip
    torch.save(found | {"saved": saved}, folder / f"{fabric.global_rank}.pt")


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> list[dict[str, Any]]:
    """What each of two gloo processes saw of every case; they are started once."""
    folder = tmp_path_factory.mktemp("two")
    Fabric(accelerator="cpu", devices=2, strategy="ddp_fork").launch(_all, folder)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("case", ["plain", "odd", "uneven", "kept", "patient"])
def test_every_step_has_the_gradient_of_one_process(two, case: str):
    """Kills: gradients added up, a whole batch on each, clipped before the mean, a rest lost."""
    one, mine = train(**CASES[case]), two[0][case]
    assert len(mine["steps"]) == len(one["steps"]) > 9
    torch.testing.assert_close(torch.stack(mine["steps"]), torch.stack(one["steps"]))
    torch.testing.assert_close(mine["weights"], one["weights"])
    assert torch.stack(one["steps"]).std(0).min() > 1e-4, "vacuous: all steps alike"


@pytest.mark.parametrize("case", ["plain", "odd", "kept", "patient", "noisy"])
def test_both_processes_end_with_the_same(two, case: str):
    """Kills: averages, best epochs or generators that drift apart."""
    first, second = (found[case] for found in two)
    assert torch.equal(first["weights"], second["weights"])
    assert torch.equal(first["state"], second["state"])
    for name in ("train", "valid", "selected", "best_epoch"):
        assert first["history"][name] == second["history"][name]


@pytest.mark.parametrize("case", ["plain", "odd", "uneven", "kept", "patient"])
def test_the_history_is_that_of_one_process(two, case: str):
    """Losses, scores, best epoch, and when patience ended. Kills: the loss of one half."""
    one, mine = train(**CASES[case])["history"], two[1][case]["history"]
    for name in ("train", "valid", "selected"):
        assert mine[name] == pytest.approx(one[name])
    assert mine["best_epoch"] == one["best_epoch"]
    if case == "patient":
        assert len(one["train"]) < 30, "vacuous: it never stopped"


def test_the_batches_are_those_of_one_process_in_its_order(two):
    """Row by row in turns. Kills: another order, overlapping halves, a thirteenth example lost."""
    one = train(**CASES["odd"])["seen"]
    for batch, *halves in zip(one, two[0]["odd"]["seen"], two[1]["odd"]["seen"], strict=True):
        assert torch.equal(halves[0], batch[::2])
        assert torch.equal(halves[1], batch[1::2])
    assert not torch.equal(one[0], one[4]), "vacuous: epochs alike"


def test_noise_and_dropout_are_each_ones_own_and_repeatable(two):
    """Kills: the same masks on both, noise from the clock or from torch's global state."""
    for found in two:
        for name in ("steps", "seen"):
            for a, b in zip(found["noisy"][name], found["noisy again"][name], strict=True):
                assert torch.equal(a, b)
    assert torch.equal(two[0]["noisy"]["state"], train(**CASES["noisy"])["state"])
    quiet = torch.stack(two[0]["plain"]["steps"][:4])
    assert not torch.allclose(torch.stack(two[0]["noisy"]["steps"][:4]), quiet), "vacuous"


def test_the_first_process_alone_writes_checkpoints(two):
    """Twelve epochs, twelve files. Kills: two writers of one file."""
    assert two[0]["saved"] == 6 * ["whole.run"] + 6 * ["parts.run"]
    assert two[1]["saved"] == []


def test_two_processes_resume_bit_for_bit(two):
    """With dropout, noise and an average. Kills: streams of noise that start anew."""
    for found in two:
        whole, parts = found["whole"], found["resumed"]
        assert torch.equal(whole["weights"], parts["weights"])
        assert torch.equal(whole["state"], parts["state"])
        assert len(parts["history"]["train"]) == 6
        for name in ("train", "valid", "best_epoch"):
            assert whole["history"][name] == parts["history"][name]
        assert len(parts["steps"]) == 16, "vacuous: it started again"


def fabric_run(*arguments: str | Path, seconds: float = 400) -> subprocess.CompletedProcess[str]:
    """`fabric run` of two CPU processes."""
    command = [Path(sys.executable).with_name("fabric"), "run", "--accelerator=cpu", "--devices=2"]
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=seconds,
        check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.slow
def test_a_script_needs_no_word_of_it_and_may_train_twice(tmp_path: Path):
    """Kills: `fit` on one process in spite of `fabric run`, a second launch that fails."""
    done = fabric_run(on_processes.__file__, tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    plain, average = Line(noise=0), Line(noise=0)
    history = training.fit(plain, line_data(), **recipe(plain))
    training.fit(average, line_data(), ema=0.9, **recipe(average))
    expected = (weights(plain), weights(average), history.train, average.rows / 2)
    for mine, one in zip(first, expected, strict=True):
        torch.testing.assert_close(torch.as_tensor(mine), torch.as_tensor(one), check_dtype=False)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(torch.as_tensor(a), torch.as_tensor(b))


@pytest.mark.slow
def test_when_one_process_fails_the_other_does_not_wait_for_ever(tmp_path: Path):
    """The command ends with its error; the checkpoint is that of the last complete epoch."""
    done = fabric_run(on_processes.__file__, tmp_path, "1")
    assert done.returncode != 0
    assert "this process had bad luck" in done.stderr
    assert not [*tmp_path.glob("[01].pt")]
    state = torch.load(tmp_path / "run.pt", weights_only=True)
    assert len(state["history"]["train"]) == 2


@pytest.mark.slow
def test_the_command_of_the_page_trains_on_two_processes():
    """It prints one row, not two. Kills: a command that is not there, two writers."""
    (said,) = re.findall(
        r"fabric run --accelerator=cpu --devices=2 (.*)",
        (ROOT / "book" / "beyond-the-laptop.md").read_text("utf8"),
    )
    done = fabric_run(*said.split())
    assert done.returncode == 0, done.stderr
    assert "Starting with 2 processes" in done.stdout + done.stderr
    (row,) = re.findall(r"^{.*'nats': \[(.*?)\]", done.stdout, re.MULTILINE)
    assert 0.9 < float(row) < 3 * math.log(3)


class Half(Line):
    """Remembers in which type its product was computed."""

    def loss(self, x: Tensor, *, generator: rng.Generator) -> Tensor:
        y = x[:, :3] @ self.w[:, None]
        self.kind = (self.training, y.dtype)
        return (x[:, 3] - y[:, 0] - self.b).square()


HAS_BF16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()


@pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not HAS_BF16, reason="no such GPU"))],
)
def test_half_the_bits_are_for_the_losses_of_training_only(device: str):
    """Weights and validation keep all. Kills: a loss that goes past Fabric's precision."""
    torch.set_default_dtype(torch.float32)
    try:
        model, data = Half(noise=0), line_data().float()
        fabric = Fabric(accelerator=device, devices=1, precision="bf16-mixed")
        kinds: list[tuple] = []
        options = recipe(model, epochs=30, monitor=lambda _: kinds.append(model.kind))
        history = training.fit(model, data, valid=data, fabric=fabric, **options)
        assert kinds[0] == (False, torch.float32), "validation was the last to ask"
        steps = recipe(model, epochs=1)
        training.fit(model, data, fabric=fabric, **steps)
        assert model.kind == (True, torch.bfloat16)
        assert {p.dtype for p in model.parameters()} == {torch.float32}
        assert history.valid[-1] < 0.2 * history.valid[0]
    finally:
        torch.set_default_dtype(torch.float64)


def test_fabric_run_says_the_precision(monkeypatch):
    """As `--precision=bf16-mixed` does, by the environment. Kills: a Fabric of our own choice."""
    torch.set_default_dtype(torch.float32)
    said = {"CLI_USED": "1", "ACCELERATOR": "cpu", "DEVICES": "1", "PRECISION": "bf16-mixed"}
    for name, value in said.items():
        monkeypatch.setenv(f"LT_{name}", value)
    try:
        model = Half(noise=0)
        training.fit(model, line_data().float(), **recipe(model, epochs=1))
        assert model.kind == (True, torch.bfloat16)
    finally:
        torch.set_default_dtype(torch.float64)


def _resume_apart(fabric: Fabric, folder: Path) -> None:
    """Each with a disk of its own; only the first has a checkpoint."""
    mine = folder / str(fabric.global_rank)
    model = Line()
    try:
        training.fit(model, line_data(), fabric=fabric, checkpoint=mine / "run.pt", **recipe(model))
        said = "nothing"
    except ValueError as error:
        said = str(error)
    (mine / "said").write_text(said)


def test_a_checkpoint_that_one_process_cannot_see_is_an_error(tmp_path: Path):
    """Kills: one that goes on and one that starts anew, out of step from then on."""
    for rank in range(2):
        (tmp_path / str(rank)).mkdir()
    model = Line()
    training.fit(model, line_data(), checkpoint=tmp_path / "0/run.pt", **recipe(model, epochs=6))
    Fabric(accelerator="cpu", devices=2, strategy="ddp_fork").launch(_resume_apart, tmp_path)
    for rank in range(2):
        assert "a disk that all processes share" in (tmp_path / f"{rank}/said").read_text()
