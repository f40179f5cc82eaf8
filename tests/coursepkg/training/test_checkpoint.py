"""An interrupted training ends with the bits of one that was not; no file is lost on the way."""

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from coursepkg import rng, training
from coursepkg.training.checkpoint import RunState, through_checkpoint
from coursepkg.training.history import History
from tests.coursepkg.training.toys import (
    ConditionalLine,
    Line,
    Shift,
    line_data,
    recipe,
    two_recipes,
    weights,
)


@pytest.fixture
def data() -> Tensor:
    return line_data()


@pytest.mark.parametrize("ema", [None, 0.9])
def test_resume_continues_bit_for_bit(data, tmp_path: Path, ema):
    """Kills: a state that is not saved (optimizer, schedule, average, generator, history, best)."""
    options = {"valid": data[40:], "ema": ema}
    whole = Line(p_drop=0.3)
    history = training.fit(whole, data[:40], **options, **recipe(whole))
    path = tmp_path / "run.pt"
    for epochs in (2, 6):  # a new process would know nothing of the first call but the file
        part = Line(p_drop=0.3)
        again = training.fit(
            part, data[:40], checkpoint=path, **options, **recipe(part, epochs=epochs)
        )
    assert torch.equal(weights(whole), weights(part))
    assert (history.train, history.valid) == (again.train, again.valid)
    assert len(again.train) == 6


def test_checkpoint_of_another_model_is_refused_and_nothing_changes(data, tmp_path: Path):
    class Wide(Line):
        def __init__(self) -> None:
            super().__init__()
            self.extra = nn.Parameter(torch.zeros(2))

    model, path = Line(), tmp_path / "run.pt"
    training.fit(model, data, checkpoint=path, **recipe(model, epochs=1))
    before, other = path.read_bytes(), Wide()
    with pytest.raises(ValueError, match=r"run\.pt.*another model.*extra"):
        training.fit(other, data, checkpoint=path, **recipe(other))
    assert path.read_bytes() == before
    assert not weights(other).any(), "weights were half loaded"
    averaged = Line()
    with pytest.raises(ValueError, match=r"without .*average"):
        training.fit(averaged, data, ema=0.9, checkpoint=path, **recipe(averaged))
    assert not weights(averaged).any()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut"])
def test_corrupt_checkpoint_is_refused_and_kept(data, tmp_path: Path, content: bytes):
    path = tmp_path / "run.pt"
    path.write_bytes(content)
    model = Line()
    with pytest.raises(ValueError, match=r"run\.pt: expected a checkpoint"):
        training.fit(model, data, checkpoint=path, **recipe(model))
    assert path.read_bytes() == content


def test_one_bit_of_a_weight_is_damage(data, tmp_path: Path):
    """Where torch itself loads the file. Kills: checksums that nobody reads."""
    path, model = tmp_path / "run.pt", Line()
    training.fit(model, data, checkpoint=path, **recipe(model, epochs=1))
    written = bytearray(path.read_bytes())
    at = written.index(model.w.detach().numpy().tobytes())
    written[at] ^= 1
    path.write_bytes(written)
    torch.load(path, weights_only=True)
    other = Line()
    with pytest.raises(
        ValueError, match=r"run\.pt: expected a checkpoint of this loop, got: a dam"
    ):
        training.fit(other, data, checkpoint=path, **recipe(other))
    assert path.read_bytes() == bytes(written)


def test_checkpoint_with_code_inside_is_not_run(data, tmp_path: Path):
    """A pickle that calls os.mkdir when loaded must not. Kills: weights_only=False."""
    target = tmp_path / "made-by-the-pickle"

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(target),)

    path = tmp_path / "run.pt"
    torch.save({"model": Evil()}, path)
    model = Line()
    with pytest.raises(ValueError, match="expected a checkpoint"):
        training.fit(model, data, checkpoint=path, **recipe(model))
    assert not target.exists()


@pytest.mark.parametrize("decides", ["valid", "select"])
def test_resume_with_everything_that_watches(data, tmp_path: Path, decides: str):
    """Scores fall, then rise: the best epoch lies before the interruption.

    Kills: scores or what was monitored not restored, the best weights lost.
    """
    x, c = data[:, 3], data[:, :3]

    def score(model: nn.Module) -> float:
        return (model.b - 0.1).abs().item()

    watch = {"monitor": lambda m: [m.b, {"half": m.b.item() / 2}]}
    if decides == "select":
        watch["select"] = score
    else:
        watch |= {"valid": x[40:], "valid_condition": c[40:]}
    whole, generator = ConditionalLine(), rng.seeded(7)
    history = training.fit(whole, x[:40], condition=c[:40], **watch,
                           **recipe(whole, generator=generator))  # fmt: skip
    for epochs in (4, 6):
        part, other = ConditionalLine(), rng.seeded(7)
        again = training.fit(part, x[:40], condition=c[:40], checkpoint=tmp_path / "run.pt",
                             **watch, **recipe(part, epochs=epochs, generator=other))  # fmt: skip
    assert torch.equal(weights(whole), weights(part))
    assert torch.equal(generator.get_state(), other.get_state())
    assert (history.selected, history.valid) == (again.selected, again.valid)
    assert history.best_epoch == again.best_epoch
    assert decides == "valid" or history.best_epoch < 4, "vacuous: the best came later"
    assert again.monitored == history.monitored
    assert len(again.monitored) == 6


def test_patience_goes_on_counting_after_an_interruption(data, tmp_path: Path):
    """Kills: patience that starts anew."""
    script = [1.0, 2.0, 3.0, 4.0]
    for epochs in (2, 6):
        model, scores = Line(), iter(script[:2] if epochs == 2 else script[2:])
        history = training.fit(model, data, checkpoint=tmp_path / "run.pt", patience=3,
                               select=lambda _, scores=scores: next(scores),
                               **recipe(model, epochs=epochs))  # fmt: skip
    assert history.selected == script
    assert history.best_epoch == 1


def test_seconds_add_up(data, tmp_path: Path):
    """Kills: only the last call's time."""
    path, model = tmp_path / "run.pt", Line()
    training.fit(model, data, checkpoint=path, **recipe(model, epochs=1))
    state = torch.load(path)
    state["history"]["seconds"] = 1000.0
    torch.save(state, path)
    model = Line()
    assert 1000 < training.fit(model, data, checkpoint=path, **recipe(model)).seconds < 1100


@pytest.mark.parametrize("name", ["select", "monitor", "valid"])
@pytest.mark.parametrize("first", [True, False])
def test_a_run_that_watched_something_else_is_refused(data, tmp_path: Path, name: str, first: bool):
    """Lists of different lengths would tell of the wrong epoch. Kills: only parts compared."""
    path, model = tmp_path / "run.pt", Line()
    watch = {name: data if name == "valid" else lambda _: 1.0}
    training.fit(
        model, data, checkpoint=path, **recipe(model, epochs=1), **(watch if first else {})
    )
    before, other = path.read_bytes(), Line()
    field = {"select": "selected", "monitor": "monitored"}.get(name, name)
    word = r"with \[" if first else r"without \["
    with pytest.raises(ValueError, match=rf"run\.pt: .*{word}'history\.{field}'\]"):
        training.fit(other, data, checkpoint=path, **recipe(other), **({} if first else watch))
    assert path.read_bytes() == before
    assert not weights(other).any()


def test_the_other_loop_s_checkpoint_is_refused(data, tmp_path: Path):
    path, pair, line = tmp_path / "run.pt", Shift(), Line()
    training.fit_adversarial(pair, data[:, 0], checkpoint=path, **two_recipes(pair))
    with pytest.raises(ValueError, match=r"run\.pt: expected a checkpoint of this loop"):
        training.fit(line, data, checkpoint=path, **recipe(line))


def test_an_optimizer_that_refuses_its_state_leaves_the_weights(data, tmp_path: Path):
    """Kills: the model loaded first, and then the error."""
    path, model, other = tmp_path / "run.pt", Line(), Line()
    training.fit(model, data, checkpoint=path, **recipe(model, epochs=1))
    groups = torch.optim.Adam([{"params": [other.w]}, {"params": [other.b]}], 0.05)
    schedule = torch.optim.lr_scheduler.ExponentialLR(groups, 0.99)
    with pytest.raises(ValueError, match="parameter groups"):
        training.fit(other, data, checkpoint=path,
                     **recipe(other, optimizer=groups, schedule=schedule))  # fmt: skip
    assert not weights(other).any()


TORN = "PytorchStreamWriter failed writing file data/0: file write failed"


@pytest.mark.parametrize(("error", "message"), [
    (OSError("no space left"), "no space left"),
    (RuntimeError(TORN), rf"run\.pt: expected to write a checkpoint, got: {TORN}"),
])  # fmt: skip
def test_an_interrupted_write_loses_nothing(error, message, data, tmp_path: Path, monkeypatch):
    """The disk fills up in the middle of the second epoch's file.

    Kills: writing in place, half a file left behind, torch's own words, which name no file.
    """
    path, model = tmp_path / "run.pt", Line()
    training.fit(model, data, checkpoint=path, **recipe(model, epochs=1))
    before, other = path.read_bytes(), Line()

    def cut(state: dict, file: Path) -> None:
        Path(file).write_bytes(b"PK half")
        raise error

    monkeypatch.setattr(torch, "save", cut)
    with pytest.raises(OSError, match=message):
        training.fit(other, data, checkpoint=path, **recipe(other))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def state_of(model: nn.Module, ema: float | None) -> RunState[History]:
    return RunState(model, {}, ema=ema, generator=rng.seeded(3), history=History(train=[2.0]),
                    recorded={"train"})  # fmt: skip


def test_the_best_weights_are_a_copy():
    """Kills: the best that change with every later step."""
    model = Line()
    run = state_of(model, None)
    run.keep()
    with torch.no_grad():
        model.w += 1
    assert not run.best["w"].any()
    assert run.history.best_epoch == 1


def test_everything_is_restored(tmp_path: Path):
    """Weights, average, best, generator and history, each with a value of its own."""
    model = Line()
    run = state_of(model, 0.75)
    for step in (1.0, 2.0):
        with torch.no_grad():
            model.w.fill_(step)
        run.update_average()
        if step == 1:
            run.keep()
    torch.rand(5, generator=run.generator)
    run.save(tmp_path / "run.pt")
    fresh = state_of(Line(), 0.75)
    fresh.history.train.clear()
    fresh.load(tmp_path / "run.pt")
    assert fresh.model.w.tolist() == [2.0] * 3
    assert fresh.judged.w.tolist() == [1.25] * 3  # 0.75 · 1 + 0.25 · 2
    assert fresh.best["w"].tolist() == [1.0] * 3
    assert torch.equal(fresh.generator.get_state(), run.generator.get_state())
    assert fresh.history == run.history
    fresh.update_average()
    assert fresh.judged.w.tolist() == [0.75 * 1.25 + 0.25 * 2] * 3


def test_through_a_checkpoint_comes_what_went_in_but_shared_with_nothing():
    w = torch.arange(3.0)
    thing = {"w": w, "list": [1, 2.5, "a", None, True], "nested": {"t": (1, "b")}}
    copy = through_checkpoint(thing)
    assert torch.equal(copy.pop("w"), w)
    w.zero_()
    assert thing.pop("w") is w
    assert copy == thing
    assert copy["list"] is not thing["list"]


def test_what_would_run_code_when_loaded_does_not_come_through():
    """Path can be pickled, and only by code. Kills: a test of pickling alone."""
    with pytest.raises(TypeError, match=r"monitor: expected numbers.* got PosixPath\('x'\)"):
        through_checkpoint(Path("x"))
