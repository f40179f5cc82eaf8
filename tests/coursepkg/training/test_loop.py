"""The loop against the same thing written out, and its promises under interruption and failure."""

import os
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import Generator, Tensor, nn
from torch.nn.functional import dropout

from coursepkg import rng, training


class Line(nn.Module):
    """Squared error of y = w·x + b with a little noise from the generator."""

    def __init__(self, noise: float = 0.1, p_drop: float = 0.0) -> None:
        super().__init__()
        self.w, self.b = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(()))
        self.noise, self.p_drop, self.rows = noise, p_drop, 0

    def loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        self.rows += len(x)
        eps = torch.randn(len(x), generator=generator)
        with rng.global_state_from(generator):
            features = dropout(x[:, :3], self.p_drop, self.training)
        return (x[:, 3] - features @ self.w - self.b + self.noise * eps).square()


@pytest.fixture
def data() -> Tensor:
    generator = rng.seeded(1)
    x = torch.randn(60, 3, generator=generator)
    return torch.cat([x, (x @ torch.tensor([1.0, -2.0, 0.5]) + 0.3)[:, None]], 1)


def recipe(model: nn.Module, **changes) -> dict:
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)
    common = {"epochs": 6, "batch_size": 16, "optimizer": optimizer, "schedule": schedule,
              "generator": rng.seeded(7), "progress": False}  # fmt: skip
    return common | changes


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


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


def _trained(model: nn.Module, data: Tensor, epochs: int) -> nn.Module:
    training.fit(model, data, **recipe(model, epochs=epochs, batch_size=60))
    return model


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


def test_nan_stops_and_keeps_the_last_good_checkpoint(data, tmp_path: Path):
    """Kills: a NaN step taken, a checkpoint overwritten with NaN."""
    model, path = Line(), tmp_path / "run.pt"
    training.fit(model, data, checkpoint=path, **recipe(model, epochs=2))
    before = path.read_bytes()
    bad = data.clone()
    bad[5, 3] = float("nan")
    again = Line()
    with pytest.raises(FloatingPointError, match=r"epoch 3.*nan.*run\.pt"):
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
    with pytest.raises(ValueError, match="average"):
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"batch_size": -1}, "batch_size: expected at least 1"),
        ({"patience": 3}, "patience: expected validation"),
        ({"valid": torch.zeros(0, 4)}, "valid: expected at least one"),
    ],
)
def test_impossible_arguments_are_refused(data, changes: dict, message: str):
    model = Line()
    with pytest.raises(ValueError, match=message):
        training.fit(model, data, **recipe(model, **changes))


def test_a_model_without_loss_is_refused(data):
    model = nn.Identity()
    with pytest.raises(TypeError, match="loss"):
        training.fit(model, data, epochs=1, batch_size=2, optimizer=None, generator=rng.seeded(0))


def test_history_plots_itself(data):
    from matplotlib.figure import Figure

    model = Line()
    history = training.fit(model, data, valid=data, **recipe(model))
    ax = history.plot(Figure().subplots())
    drawn = {line.get_label(): list(line.get_ydata()) for line in ax.lines}
    assert drawn["train"] == history.train
    assert drawn["validation"] == history.valid


def _fit_on_two(fabric: Fabric, data: Tensor) -> tuple[list[float], int]:
    model = Line(noise=0)
    training.fit(model, data, fabric=fabric, **recipe(model))
    return weights(model).tolist(), model.rows


def test_two_processes_train_as_one(data):
    """A deterministic loss: the same weights. Kills: a batch on each process, unequal orders."""
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp_fork")
    two, rows = fabric.launch(_fit_on_two, data)
    one = Line(noise=0)
    training.fit(one, data, **recipe(one))
    torch.testing.assert_close(torch.tensor(two), weights(one))
    assert rows == one.rows / 2
