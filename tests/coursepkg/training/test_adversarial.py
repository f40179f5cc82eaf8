"""Two players against the same thing written out; neither touches the other's parameters."""

import math
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch import Generator, Tensor, nn

from coursepkg import rng, training
from coursepkg.protocols import Adversarial
from tests.coursepkg.training.toys import Line, Shift, recipe, two_recipes, weights


@pytest.fixture
def data() -> Tensor:
    """70 numbers: five batches of at most 16, so that the last turn of two steps is short."""
    return 2 + 0.5 * torch.randn(70, generator=rng.seeded(5))


def step_by_hand(loss: Tensor, parameters: list[nn.Parameter], clip: float) -> None:
    """Leaves in .grad the gradient of this loss at these parameters and nowhere else."""
    gradients = torch.autograd.grad(loss, parameters)
    norm = torch.stack([g.norm() for g in gradients]).norm().item()
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g * min(1.0, clip / (norm + 1e-6))


def test_it_is_the_two_loops_written_out(data):
    """Each player's own gradient only, two critic steps to one.

    Kills: gradients that leak from one loss into the other player, one clip for both, a generator's
    step for each of the critic's, none after the last short turn, optimizers swapped.
    """
    model, twin = Shift(), Shift()
    history = training.fit_adversarial(model, data, clip=0.2, **two_recipes(model))
    r, expected = two_recipes(twin), {"critic": [], "generator": []}
    for _ in range(4):
        noise = rng.spawn(r["generator"], device="cpu")
        batches = data[torch.randperm(70, generator=r["generator"])].split(16)
        totals = {"critic": 0.0, "generator": 0.0}
        for i, x in enumerate(batches):
            loss = twin.critic_loss(x, generator=noise).mean()
            step_by_hand(loss, twin.critic, 0.2)
            r["critic_optimizer"].step()
            totals["critic"] += loss.item() * len(x) / 70
            if i in (1, 3, 4):
                loss = twin.generator_loss(x, generator=noise).mean()
                step_by_hand(loss, [twin.shift], 0.2)
                r["generator_optimizer"].step()
                totals["generator"] += loss.item() * len(x) / (16 + 16 + 6)
        for name, total in totals.items():
            expected[name].append(total)
    torch.testing.assert_close(weights(model), weights(twin))
    assert history.critic == pytest.approx(expected["critic"])
    assert history.generator == pytest.approx(expected["generator"])
    assert history.best_epoch == 4
    assert (weights(model) - weights(Shift())).abs().min() > 0.05, "vacuous: someone stood still"


def test_a_step_changes_its_own_player_only(data):
    """Momentum and decay move what they own even without a gradient. Kills: one for all."""
    model = Shift()
    both = two_recipes(model, epochs=2)
    both["generator_optimizer"] = torch.optim.AdamW([model.shift], 0.05, weight_decay=0.1)
    training.fit_adversarial(model, data, **both)
    after = [w for _, _, w in model.calls[1:]] + [weights(model)]
    assert len(after) == 2 * (5 + 3)
    for (player, _, before), then in zip(model.calls, after, strict=True):
        shift, critic = before[0] != then[0], (before[1:] != then[1:]).any()
        assert (shift, critic) == ((False, True) if player == "critic" else (True, False))


def test_which_examples_each_player_sees(data):
    """As the docstring says: the critic all, once; the generator what the critic saw last."""
    model = Shift()
    training.fit_adversarial(model, data, **two_recipes(model, epochs=1))
    assert [player[0] for player, _, _ in model.calls] == [*"ccgccgcg"]
    seen = torch.cat([x for player, x, _ in model.calls if player == "critic"])
    assert torch.equal(seen.sort().values, data.sort().values)
    for i in (2, 5, 7):
        assert torch.equal(model.calls[i][1], model.calls[i - 1][1])


def test_more_critic_steps_than_batches_leave_the_generator_one_step(data):
    """Kills: a generator that never learns."""
    model = Shift()
    training.fit_adversarial(model, data, **two_recipes(model, epochs=1, critic_steps=9))
    assert [player[0] for player, _, _ in model.calls] == [*"cccccg"]


def test_average_moves_with_each_step_of_the_generator(data):
    """Kills: raw weights kept, an average of the critic's steps too."""
    model = Shift()
    training.fit_adversarial(model, data, ema=0.8, **two_recipes(model, epochs=2))
    after = [w for _, _, w in model.calls[1:]]
    # the weights after a turn are seen at the start of the next, the last only in the twin
    turns = [w for (player, _, _), w in zip(model.calls, after, strict=False)
             if player == "generator"]  # fmt: skip
    twin = Shift()
    training.fit_adversarial(twin, data, **two_recipes(twin, epochs=2))
    average, *rest = [*turns, weights(twin)]
    assert len(rest) == 5
    for w in rest:
        average = 0.8 * average + 0.2 * w
    torch.testing.assert_close(weights(model), average)
    assert (average - weights(twin)).abs().min() > 1e-3


def test_select_keeps_the_best_and_without_it_the_last_is_kept(data):
    """Kills: `select` not handed on, the lowest loss of a player taken for the best."""
    script, seen, model = iter([3.0, 1.0, 2.0, 4.0]), [], Shift()

    def select(judged: Shift) -> float:
        seen.append(weights(judged))
        return next(script)

    options = {"monitor": lambda m: m.shift.item()}
    history = training.fit_adversarial(model, data, select=select, **options, **two_recipes(model))
    assert history.best_epoch == 2
    assert torch.equal(weights(model), seen[1])
    assert history.monitored == [w[0].item() for w in seen]
    last = Shift()
    history = training.fit_adversarial(last, data, **two_recipes(last))
    assert history.best_epoch == 4
    assert torch.equal(weights(last), seen[3])


@pytest.mark.parametrize("ema", [None, 0.9])
def test_resume_continues_bit_for_bit(data, tmp_path: Path, ema):
    """Kills: an optimizer, the average, the history or the best that is not saved."""
    watch = {"select": lambda m: abs(m.shift.item() + 0.5), "monitor": lambda m: [m.shift]}
    whole, generator = Shift(), rng.seeded(7)
    history = training.fit_adversarial(whole, data, ema=ema, **watch,
                                       **two_recipes(whole, generator=generator))  # fmt: skip
    for epochs in (2, 4):
        part, other = Shift(), rng.seeded(7)
        again = training.fit_adversarial(
            part, data, ema=ema, checkpoint=tmp_path / "run.pt", **watch,
            **two_recipes(part, epochs=epochs, generator=other),
        )  # fmt: skip
    assert torch.equal(weights(whole), weights(part))
    assert torch.equal(generator.get_state(), other.get_state())
    again.seconds = history.seconds
    assert again == history
    assert len(again.critic) == len(again.generator) == len(again.selected) == 4


def test_a_run_that_selected_otherwise_is_refused(data, tmp_path: Path):
    path, model = tmp_path / "run.pt", Shift()
    training.fit_adversarial(model, data, checkpoint=path, **two_recipes(model, epochs=1))
    for name, field in (("select", "selected"), ("monitor", "monitored")):
        other = Shift()
        with pytest.raises(ValueError, match=rf"without \['history\.{field}'\]"):
            training.fit_adversarial(other, data, checkpoint=path, **{name: lambda _: 1.0},
                                     **two_recipes(other))  # fmt: skip
        assert torch.equal(weights(other), weights(Shift()))


class Breaks(Shift):
    """One player's loss becomes infinite, or only its gradient, after some calls."""

    def __init__(self, player: str, after: int, *, only_gradient: bool) -> None:
        super().__init__()
        self.player, self.after, self.only_gradient = player, after, only_gradient

    def broken(self, player: str, loss: Tensor, parameter: nn.Parameter) -> Tensor:
        if player != self.player or sum(p == player for p, _, _ in self.calls) <= self.after:
            return loss
        zero = parameter - parameter.detach()
        return loss + (zero.abs().sqrt() if self.only_gradient else math.inf)

    def critic_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        return self.broken("critic", super().critic_loss(x, generator=generator), self.slope)

    def generator_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        return self.broken("generator", super().generator_loss(x, generator=generator), self.shift)


@pytest.mark.parametrize("only_gradient", [False, True])
@pytest.mark.parametrize(("player", "after"), [("critic", 6), ("generator", 4)])
def test_what_is_not_finite_stops_with_the_weights_before(
    data, tmp_path: Path, player: str, after: int, only_gradient: bool
):
    """In the second epoch. Kills: a bad step taken, a checkpoint overwritten."""
    path, files = tmp_path / "run.pt", []
    model = Breaks(player, after, only_gradient=only_gradient)
    options = two_recipes(model, monitor=lambda _: files.append(path.exists()))
    with pytest.raises(FloatingPointError, match=r"epoch 2: loss .*(inf|nan).*run\.pt"):
        training.fit_adversarial(model, data, checkpoint=path, **options)
    assert torch.equal(weights(model), model.calls[-1][2])
    assert model.calls[-1][0] == player
    assert weights(model).isfinite().all()
    assert files == [False], "the second epoch is not complete"
    saved = torch.load(path)
    assert len(saved["history"]["critic"]) == len(saved["history"]["generator"]) == 1


class Given(Shift):
    """Data are the shift's distance from the condition; a call without one is an error."""

    def critic_loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        return super().critic_loss(x + condition, generator=generator)

    def generator_loss(self, x: Tensor, *, condition: Tensor, generator: Generator) -> Tensor:
        return super().generator_loss(x + condition, generator=generator)


def test_conditions_reach_both_players(data):
    """The same bits as with both in one tensor. Kills: conditions of other rows, or none."""
    c = torch.randint(5, (70,), generator=rng.seeded(1)).to(data)
    model, twin = Given(), Shift()
    training.fit_adversarial(model, data, condition=c, **two_recipes(model))
    training.fit_adversarial(twin, data + c, **two_recipes(twin))
    assert torch.equal(weights(model), weights(twin))
    for (_, x, _), (_, y, _) in zip(model.calls, twin.calls, strict=True):
        assert torch.equal(x, y)


class Detached(Shift):
    """As most are written, here in least squares: the critic's loss does not reach the samples."""

    def critic_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        self.calls.append(("critic", x, weights(self)))
        fake = self.sample(len(x), generator=generator).detach()
        return (self.logit(x) - 1).square() + self.logit(fake).square()

    def generator_loss(self, x: Tensor, *, generator: Generator) -> Tensor:
        """Looks at the data too, so that the processes' gradients differ."""
        self.calls.append(("generator", x, weights(self)))
        return (self.sample(len(x), generator=generator) - self.slope * x).square()


def _fit_on_two(fabric: Fabric, data: Tensor) -> tuple[list[float], int, list[float]]:
    model = Detached(noise=0)
    history = training.fit_adversarial(model, data, fabric=fabric, **two_recipes(model))
    return weights(model).tolist(), sum(len(x) for _, x, _ in model.calls), history.critic


def test_two_processes_train_as_one(data):
    """Deterministic losses. Kills: a loss that goes past DDP, a whole batch on each process."""
    strategy = DDPStrategy(start_method="fork", find_unused_parameters=True)
    fabric = Fabric(accelerator="cpu", devices=2, strategy=strategy)
    two, rows, critic = fabric.launch(_fit_on_two, data)
    one = Detached(noise=0)
    history = training.fit_adversarial(one, data, **two_recipes(one))
    torch.testing.assert_close(torch.tensor(two), weights(one))
    assert rows == sum(len(x) for _, x, _ in one.calls) / 2
    assert critic == pytest.approx(history.critic)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"batch_size": 0}, "batch_size: expected at least 1, got 0"),
        ({"critic_steps": 0}, "critic_steps: expected at least 1, got 0"),
        ({"ema": -0.1}, "ema: expected 0 <= ema < 1"),
        ({"condition": torch.zeros(3)}, r"condition: expected 70 rows, .* got shape \(3,\)"),
    ],
)
def test_impossible_arguments_are_refused(data, changes: dict, message: str):
    model = Shift()
    with pytest.raises(ValueError, match=message):
        training.fit_adversarial(model, data, **two_recipes(model, **changes))
    with pytest.raises(ValueError, match="train: expected at least one"):
        training.fit_adversarial(model, data[:0], **two_recipes(model))


def test_players_with_a_parameter_in_common_are_refused(data):
    """Kills: a critic that the generator's optimizer moves too."""
    model = Shift()
    all_of_it = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ValueError, match="expected no parameter in common, got 2"):
        training.fit_adversarial(model, data, **two_recipes(model, generator_optimizer=all_of_it))


def test_a_model_without_two_losses_is_refused_and_a_gan_by_fit(data):
    model, pair = Line(), Shift()
    assert isinstance(pair, Adversarial)
    with pytest.raises(TypeError, match=r"model: expected methods critic_loss.* got Line"):
        training.fit_adversarial(model, data, **two_recipes(pair))
    with pytest.raises(TypeError, match=r"model: expected a method loss.* got Shift"):
        training.fit(pair, data, **recipe(pair))
