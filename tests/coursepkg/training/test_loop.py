"""The loop against the same thing written out, and its promises when it fails."""

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import Generator, Tensor, nn

from coursepkg import rng, training
from tests.coursepkg.training.toys import ConditionalLine, Line, line_data, recipe, weights


@pytest.fixture
def data() -> Tensor:
    return line_data()


def test_fit_is_the_loop_written_out(data):
    """Kills: no zero_grad, sum for mean, schedule per epoch, clipping after the step."""
    model, twin = Line(), Line()
    history = training.fit(model, data, **recipe(model, clip=0.5))
    r = recipe(twin)
    losses = []
    for _ in range(6):
        noise = rng.spawn(r["generator"], device="cpu")
        order, total = torch.randperm(60, generator=r["generator"]), 0.0
        for first in range(0, 60, 16):
            x = data[order[first : first + 16]]
            loss = twin.loss(x, generator=noise).mean()
            gradients = torch.autograd.grad(loss, list(twin.parameters()))
            norm = torch.cat([g.flatten() for g in gradients]).norm()
            for p, g in zip(twin.parameters(), gradients, strict=True):
                p.grad = g * min(1.0, 0.5 / (norm.item() + 1e-6))
            r["optimizer"].step()
            r["schedule"].step()
            total += loss.item() * len(x)
        losses.append(total / 60)
    torch.testing.assert_close(weights(model), weights(twin))
    assert history.train == pytest.approx(losses)
    assert history.best_epoch == 6
    assert weights(model).norm() > 0.1, "vacuous: nothing was learnt"


def test_best_weights_are_kept_and_patience_stops(data):
    """A learning rate that diverges: the best epoch is early. Kills: last weights kept."""
    model = Line(noise=0)
    optimizer = torch.optim.SGD(model.parameters(), 1.1)
    options = recipe(model, epochs=50, optimizer=optimizer, schedule=None, batch_size=60)
    history = training.fit(model, data[:50], valid=data[50:], patience=3, **options)
    assert len(history.valid) == history.best_epoch + 3 < 50
    loss = model.loss(data[50:], generator=rng.seeded(0)).mean().item()
    assert loss == pytest.approx(min(history.valid))
    assert history.valid[history.best_epoch - 1] == min(history.valid) < history.valid[-1]


def test_validation_runs_in_eval_mode_and_leaves_train_mode(data):
    """With dropout 0.9 a validation in train mode would be far off. Kills: no eval mode."""
    model = Line(noise=0, p_drop=0.9)
    history = training.fit(model, data, valid=data, **recipe(model, epochs=1))
    assert model.training
    model.eval()
    assert history.valid[0] == pytest.approx(
        model.loss(data, generator=rng.seeded(0)).mean().item()
    )


def test_average_is_the_moving_average_of_the_weights(data):
    """Kills: the raw weights kept, decay and 1 - decay swapped."""
    model, twin = Line(), Line()
    training.fit(model, data, ema=0.9, **recipe(model, epochs=1, batch_size=60))
    first = weights(_trained(twin, data, epochs=1))
    torch.testing.assert_close(weights(model), first)  # the average starts at the first step
    model, twin = Line(), Line()
    training.fit(model, data, ema=0.9, **recipe(model, epochs=2, batch_size=60))
    second = weights(_trained(twin, data, epochs=2))
    torch.testing.assert_close(weights(model), 0.9 * first + 0.1 * second)
    assert (first - second).norm() > 1e-2


def test_the_average_is_what_is_validated(data):
    """Kills: the raw weights validated, the averaged kept."""
    model = Line(noise=0)
    history = training.fit(model, data[:50], valid=data[50:], ema=0.9, **recipe(model))
    assert history.best_epoch == 6, "vacuous: other weights are kept"
    loss = model.loss(data[50:], generator=rng.seeded(0)).mean().item()
    assert history.valid[-1] == pytest.approx(loss)


def _trained(model: nn.Module, data: Tensor, epochs: int) -> nn.Module:
    training.fit(model, data, **recipe(model, epochs=epochs, batch_size=60))
    return model


def test_nan_stops_and_keeps_the_last_good_checkpoint(data, tmp_path: Path):
    """Kills: a NaN step taken, a checkpoint overwritten with NaN."""
    model, path = Line(), tmp_path / "run.pt"
    training.fit(model, data, checkpoint=path, **recipe(model, epochs=2))
    before = path.read_bytes()
    bad = data.clone()
    bad[5, 3] = torch.finfo(bad.dtype).max  # whose square overflows
    again = Line()
    with pytest.raises(FloatingPointError, match=r"epoch 3: loss inf.*run\.pt"):
        training.fit(again, bad, checkpoint=path, **recipe(again))
    assert path.read_bytes() == before
    assert weights(again).isfinite().all()


def test_infinite_gradient_stops_too(data):
    """The loss √|w·x| is finite at w = 0, its gradient is not. Kills: only the loss checked."""

    class Root(Line):
        def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
            return (x[:, :3] @ self.w).abs().sqrt() + 0 * self.b

    model = Root()
    with pytest.raises(FloatingPointError, match=r"epoch 1: loss 0\.0, norm of its gradient"):
        training.fit(model, data, **recipe(model))
    assert weights(model).isfinite().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"batch_size": -1}, "batch_size: expected at least 1"),
        ({"patience": 3}, "patience: expected validation"),
        ({"ema": 1.0}, "ema: expected 0 <= ema < 1, got 1.0"),
        ({"valid": torch.zeros(0, 4)}, "valid: expected at least one"),
        ({"condition": torch.zeros(59, 2)}, r"condition: expected 60 rows, .* got shape \(59, 2\)"),
        ({"condition": torch.tensor(1.0)}, r"condition: expected 60 rows, .* got shape \(\)"),
        ({"valid_condition": torch.zeros(60)}, "valid_condition: expected valid to go with it"),
        (
            {"valid": torch.zeros(5, 4), "condition": torch.zeros(60)},
            "both condition and valid_condition or neither, got one",
        ),
        (
            {"valid": torch.zeros(5, 4), "valid_condition": torch.zeros(5)},
            "both condition and valid_condition or neither, got one",
        ),
        (
            {
                "condition": torch.zeros(60),
                "valid": torch.zeros(5, 4),
                "valid_condition": torch.zeros(4),
            },
            "valid_condition: expected 5 rows",
        ),
    ],
)
def test_impossible_arguments_are_refused(data, changes: dict, message: str):
    model = Line()
    with pytest.raises(ValueError, match=message):
        training.fit(model, data, **recipe(model, **changes))
    assert not weights(model).any()


def test_a_model_without_loss_is_refused(data):
    model = nn.Identity()
    with pytest.raises(TypeError, match="loss"):
        training.fit(model, data, epochs=1, batch_size=2, optimizer=None, generator=rng.seeded(0))


def test_conditions_are_sliced_beside_the_examples(data):
    """The same bits as with both in one tensor. Kills: a condition left out, or validated alone."""
    x, c, model, twin = data[:, 3], data[:, :3], ConditionalLine(), Line()
    history = training.fit(model, x[:50], condition=c[:50], valid=x[50:], valid_condition=c[50:],
                           ema=0.9, **recipe(model, batch_size=7))  # fmt: skip
    same = training.fit(twin, data[:50], valid=data[50:], ema=0.9, **recipe(twin, batch_size=7))
    assert torch.equal(weights(model), weights(twin))
    assert (history.train, history.valid) == (same.train, same.valid)
    assert weights(model).norm() > 0.1, "vacuous: nothing was learnt"


def _fit_on_two(fabric: Fabric, data: Tensor) -> tuple[list[float], list[float], int]:
    model, more = Line(noise=0), ConditionalLine(noise=0)
    training.fit(model, data, fabric=fabric, **recipe(model))
    training.fit(more, data[:, 3], condition=data[:, :3], fabric=fabric, **recipe(more))
    return weights(model).tolist(), weights(more).tolist(), model.rows


def test_two_processes_train_as_one(data):
    """A deterministic loss: the same weights. Kills: a batch on each process, unequal orders."""
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp_fork")
    two, conditional, rows = fabric.launch(_fit_on_two, data)
    one = Line(noise=0)
    training.fit(one, data, **recipe(one))
    torch.testing.assert_close(torch.tensor(two), weights(one))
    torch.testing.assert_close(torch.tensor(conditional), weights(one))
    assert rows == one.rows / 2


def _draw_on_two(fabric: Fabric, folder: Path) -> None:
    model = Noisy()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    training.fit(model, torch.zeros(8, 1), fabric=fabric, progress=False, epochs=1, batch_size=8,
                 optimizer=optimizer, generator=rng.seeded(0))  # fmt: skip
    torch.save(model.drawn, folder / str(fabric.global_rank))


class Noisy(nn.Module):
    """Remembers the noise that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(()))

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        self.drawn = torch.randn(len(x), generator=generator)
        return (self.w - self.drawn).square()


def test_processes_draw_different_noise(tmp_path: Path):
    """Kills: two processes whose examples share their noise, half as good as twice as many."""
    Fabric(accelerator="cpu", devices=2, strategy="ddp_fork").launch(_draw_on_two, tmp_path)
    first, second = (torch.load(tmp_path / str(r)) for r in range(2))
    assert first.shape == second.shape == (4,)
    assert not (first == second).any()
