"""What the loops share: shares of a batch, and who decides which weights are kept."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from coursepkg import rng, training
from coursepkg.training.epochs import Examples, default_fabric, mean_loss, shuffled
from tests.coursepkg.training.toys import Line, line_data, recipe, weights


@pytest.fixture
def data() -> Tensor:
    return line_data()


def shares(P: int, N: int = 23, batch_size: int = 8) -> list[list[Examples]]:
    """What each of P processes gets; the condition of row i is 100 + i."""
    places = [SimpleNamespace(world_size=P, global_rank=r, device=torch.device("cpu"))
              for r in range(P)]  # fmt: skip
    examples = Examples(torch.arange(N), torch.arange(N)[:, None] + 100)
    return [list(shuffled(examples, batch_size, fabric=place, generator=rng.seeded(3)))
            for place in places]  # fmt: skip


def test_one_process_sees_every_example_once_in_random_order():
    """Kills: file order, a lost last batch."""
    (batches,) = shares(1)
    assert [len(b) for b in batches] == [8, 8, 7]
    seen = torch.cat([b.x for b in batches]).tolist()
    assert sorted(seen) == list(range(23)) != seen


def test_conditions_go_with_their_examples():
    """Kills: conditions in file order, or of the whole data."""
    for batch in [b for mine in shares(3) for b in mine]:
        assert torch.equal(batch.condition, batch.x[:, None] + 100)


def test_processes_share_each_batch():
    """All of it, 8 = 3 + 3 + 2, each with its weight. Kills: a rest left out, rows in two."""
    P, alone, together = 3, shares(1)[0], shares(3)
    for batch, *parts in zip(alone, *together, strict=True):
        assert sorted(x for p in parts for x in p.x.tolist()) == sorted(batch.x.tolist())
        assert [p.weight for p in parts] == [P * len(p) / len(batch) for p in parts]
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert {batch.weight for batch in alone} == {1.0}


@pytest.mark.parametrize(
    ("examples", "error", "message"),
    [
        (Examples(np.zeros((2, 3))), TypeError, "train: expected a torch.Tensor, got ndarray"),
        (Examples(torch.zeros(2), [0, 1]), TypeError, "labels: expected a torch.Tensor, got list"),
        (Examples(torch.zeros(0, 3)), ValueError, r"at least one example, got shape \(0, 3\)"),
        (
            Examples(torch.zeros(2, 3), torch.zeros(3, 2)),
            ValueError,
            "labels: expected 2 rows, .*3",
        ),
        (Examples(torch.zeros(2), torch.tensor(1)), ValueError, "labels: expected 2 rows, .*got"),
    ],
)
def test_what_is_no_set_of_examples_is_refused(examples, error: type, message: str):
    with pytest.raises(error, match=message):
        examples.check("train", "labels")
    Examples(torch.zeros(2, 3), torch.zeros(2)).check("train", "labels")


def test_a_rest_smaller_than_the_processes_is_left_out():
    """8 + 8 + 1 examples for two. Kills: an empty batch, whose mean is NaN."""
    assert [[len(b) for b in mine] for mine in shares(2, N=17)] == [[4, 4], [4, 4]]


def test_mean_loss_is_over_examples():
    """Kills: the mean of the batches' means."""
    steps = [(torch.tensor(1.0), 3), (torch.tensor(2.0), 1)]
    assert mean_loss(steps, Fabric(accelerator="cpu", devices=1)) == pytest.approx(1.25)


def test_select_decides_what_is_kept_and_when_to_stop(data):
    """Equal scores: the first. Kills: validation decides, the last of equals, patience of valid."""
    script = [3.0, 1.0, 2.0, 1.0, 5.0, 0.0]
    scores, model, twin = iter(script), Line(), Line()
    options = {"valid": data, "select": lambda _: next(scores), "patience": 3}
    history = training.fit(model, data, **options, **recipe(model))
    assert history.selected == script[:5]
    assert history.best_epoch == 2
    assert len(history.valid) == 5
    assert history.valid.index(min(history.valid)) == 4, "vacuous: validation would decide the same"
    training.fit(twin, data, **recipe(twin, epochs=2))
    assert torch.equal(weights(model), weights(twin))


@pytest.mark.parametrize("first", [float("inf"), 1e9])
def test_the_first_epoch_is_kept_whatever_its_score(data, first: float):
    """Kills: an infinite score as the best that nothing beats."""
    model, twin = Line(), Line()
    history = training.fit(model, data, select=lambda _: first, **recipe(model, epochs=3))
    assert history.best_epoch == 1
    training.fit(twin, data, **recipe(twin, epochs=1))
    assert torch.equal(weights(model), weights(twin))


@pytest.mark.parametrize("ema", [None, 0.9])
@pytest.mark.parametrize("role", ["select", "monitor"])
def test_they_see_the_weights_that_are_kept_in_eval_mode_without_gradient(data, role: str, ema):
    """Kills: raw weights, train mode, a graph that grows over the epochs."""
    model, seen = Line(), []

    def look(judged: Line) -> float:
        assert not judged.training
        assert not judged.loss(data, generator=rng.seeded(0)).requires_grad
        seen.append(weights(judged))
        return -float(len(seen))  # the last is the best

    history = training.fit(model, data, ema=ema, **{role: look}, **recipe(model))
    assert torch.equal(weights(model), seen[-1])
    assert len(seen) == len(history.train) == 6
    assert not torch.equal(seen[0], seen[-1])
    assert model.training
    kept = {"select": history.selected, "monitor": history.monitored}
    assert kept.pop(role) == [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]
    assert kept.popitem()[1] == []


def test_who_looks_does_not_disturb_the_training(data):
    """Both draw from the training's own generator. Kills: its state not put back."""
    model, twin, drawn = Line(), Line(), []
    options = recipe(model)

    def look(_: Line) -> float:
        drawn.append(torch.rand((), generator=options["generator"]).item())
        return -float(len(drawn))  # the last is the best

    training.fit(model, data, select=look, monitor=look, **options)
    training.fit(twin, data, **recipe(twin))
    assert torch.equal(weights(model), weights(twin))
    assert len(set(drawn)) == 12, "vacuous: nothing was drawn"


def test_a_score_that_is_nan_is_an_error_that_names_the_epoch(data, tmp_path: Path):
    """Kills: NaN taken for the best or the worst, an unfinished epoch's checkpoint."""
    path, files = tmp_path / "run.pt", []

    def select(_: Line) -> float:
        files.append(path.read_bytes() if path.exists() else b"")
        return float("nan") if len(files) == 3 else 1.0

    model = Line()
    with pytest.raises(FloatingPointError, match=r"epoch 3: the score .* nan; .*run\.pt"):
        training.fit(model, data, select=select, checkpoint=path, **recipe(model))
    assert path.read_bytes() == files[-1] != b""


def test_a_validation_loss_that_is_nan_is_an_error_only_where_it_decides(data):
    bad = torch.full((1, 4), torch.nan)
    model = Line()
    with pytest.raises(FloatingPointError, match="epoch 1: the score"):
        training.fit(model, data, valid=bad, **recipe(model))
    model = Line()
    history = training.fit(model, data, valid=bad, select=lambda _: 0, **recipe(model, epochs=2))
    assert np.isnan(history.valid).all()


@pytest.mark.parametrize("score", [None, "low", torch.zeros(2), [1.0]])
def test_select_must_return_a_number(data, score):
    model = Line()
    with pytest.raises(TypeError, match=r"select: expected to return one number, got"):
        training.fit(model, data, select=lambda _: score, **recipe(model))


def test_a_score_may_be_a_scalar_of_any_library(data):
    """Kept as a float, which a checkpoint can hold."""
    model, scores = Line(), iter([torch.tensor(3.0), np.float32(2.0), np.int64(1)])
    history = training.fit(model, data, select=lambda _: next(scores), **recipe(model, epochs=3))
    assert history.selected == [3.0, 2.0, 1.0]
    assert {type(s) for s in history.selected} == {float}


def test_monitor_is_kept_as_a_copy(data):
    """The weight itself goes on changing. Kills: a reference kept."""
    model, seen = Line(), []

    def monitor(judged: Line) -> dict:
        seen.append(judged.w.detach().clone())
        return {"w": judged.w, "notes": [len(seen), "text", None, (True, 0.5)]}

    history = training.fit(model, data, monitor=monitor, **recipe(model, epochs=3))
    for i, entry in enumerate(history.monitored):
        assert torch.equal(entry["w"], seen[i])
        assert entry["notes"] == [i + 1, "text", None, (True, 0.5)]
    assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize("thing", [np.zeros(3), np.float64(1.0), object(), lambda: 0, Path("x")])
def test_monitor_must_return_what_a_checkpoint_can_hold(data, thing):
    """Refused at once, with or without a checkpoint. Kills: an error only when it is resumed."""
    model = Line()
    with pytest.raises(TypeError, match=r"monitor: expected numbers, .*got \{'a': "):
        training.fit(model, data, monitor=lambda _: {"a": thing}, **recipe(model))


def test_fabric_run_says_where_and_not_the_model(monkeypatch):
    """Kills: a command's word that is not heard."""
    for name, value in (("CLI_USED", "1"), ("DEVICES", "1"), ("ACCELERATOR", "cpu")):
        monkeypatch.setenv(f"LT_{name}", value)
    assert default_fabric(torch.nn.Linear(2, 2, device="meta")).device == torch.device("cpu")


def test_a_batch_must_have_an_example_for_each_process(data):
    """Kills: an epoch without a step, whose mean loss is NaN."""
    fabric, model = Fabric(accelerator="cpu", devices=2, strategy="ddp_fork"), Line()
    with pytest.raises(ValueError, match="at least 2 examples, one a process, got 1"):
        training.fit(model, data, fabric=fabric, **recipe(model, batch_size=1))


def _fit_on_two(fabric: Fabric, folder: Path) -> None:
    rank, model = fabric.global_rank, Line()
    script = iter([[3.0, 1.0, 2.0], [1.0, 3.0, 0.0]][rank])
    history = training.fit(model, line_data(), fabric=fabric, select=lambda _: next(script),
                           **recipe(model, epochs=3))  # fmt: skip
    torch.save((history.selected, weights(model)), folder / str(rank))


def test_one_process_decides_for_all(tmp_path: Path):
    """Their scores differ. Kills: each keeps its own best."""
    Fabric(accelerator="cpu", devices=2, strategy="ddp_fork").launch(_fit_on_two, tmp_path)
    (scores, first), (others, second) = (torch.load(tmp_path / str(r)) for r in range(2))
    assert scores == others == [3.0, 1.0, 2.0]
    assert torch.equal(first, second)
