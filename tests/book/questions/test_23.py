"""Answers to the questions of chapter 23, computed."""

import pytest
import torch

from benchmarks.studies.captioned_mnist import unsaid
from coursepkg.data.captions import measure_strokes
from coursepkg.models.autoregressive.arithmetic import QUARTER, Encoder, Interval
from coursepkg.models.worlds.grid import grid_world
from coursepkg.models.worlds.learnt import Experience, counted, distrustful
from coursepkg.models.worlds.planning import value_iteration
from tools.questions import marked, options


def experience(places: list[int], reward: float = 0.0) -> Experience:
    """The only action of state 0, tried once for each place, led there."""
    n = len(places)
    start = torch.zeros(n, dtype=torch.int64)
    return Experience(
        start, start, torch.full((n,), reward), torch.tensor(places), torch.zeros(n).bool()
    )


@pytest.mark.question("q-23-bar")
def test_how_thick_a_bar_is():
    ink = torch.zeros(1, 20, 20)
    ink[0, 5:15, 8:10] = 1
    found = measure_strokes(ink)[0, 0].item()
    assert found == pytest.approx(marked("q-23-bar"), abs=0.005)


@pytest.mark.question("q-23-silence")
def test_what_silence_says():
    """Against all digits, one for each case. Kills: one end only."""
    silent = {"thin": 0.25 * 0.5, "thick": 0.25 * 0.5, "neither": 0.5}
    found = silent["thin"] / sum(silent.values())
    assert unsaid(0.25, 0.5) == pytest.approx(found)
    assert found == pytest.approx(marked("q-23-silence"), abs=1e-3)


@pytest.mark.question("q-23-two-steps")
def test_the_value_two_steps_before_the_goal():
    place = grid_world(["S.G"], slip=0.0, cost=0.1)
    found = value_iteration(place.world, discount=0.9).value[place.start].item()
    assert found == pytest.approx(marked("q-23-two-steps"), abs=1e-4)


@pytest.mark.question("q-23-counted")
def test_the_counted_share():
    world = counted(experience([2] * 6 + [1] * 2), 5, 1, strength=2.0)
    assert world.P[0, 0, 2].item() == pytest.approx(marked("q-23-counted"))


@pytest.mark.question("q-23-doubt")
def test_what_a_doubtful_step_is_worth():
    """The cell of value 1 stays and pays 0.1 a step, with γ = 0.9, as often as one likes."""
    seen = experience([1])
    world = distrustful(seen, 2, 1, strength=1.0, value=-2.0, discount=0.9)
    world.P[1, 0] = torch.tensor([0.0, 1.0, 0.0])
    world.reward[1, 0, 1] = 0.1
    plan = value_iteration(world, discount=0.9, tolerance=1e-5)
    assert plan.value[1].item() == pytest.approx(1, abs=1e-4)
    assert plan.q[0, 0].item() == pytest.approx(marked("q-23-doubt"), abs=1e-3)


@pytest.mark.question("q-23-interval")
def test_the_width_of_a_message():
    interval, edges = Interval(), [0, 1, 3, 4]
    whole = interval.width
    for symbol in (0, 0, 1):
        interval.narrow(symbol, edges)
    assert interval.width / whole == pytest.approx(marked("q-23-interval"))


@pytest.mark.question("q-23-owed")
def test_what_is_sent_after_the_middle_half():
    """Kills: a digit sent, or none owed."""
    coder = Encoder()
    coder.push(1, [0, 1, 3, 4])
    assert coder.interval.width > QUARTER
    said = {
        "Nothing; one digit is owed": coder.sent == [] and coder.pending == 1,
        "A 0, and no digit is owed": coder.sent == [0] and coder.pending == 0,
        "A 1, and no digit is owed": coder.sent == [1] and coder.pending == 0,
        "Nothing, and no digit is owed": coder.sent == [] and coder.pending == 0,
    }
    assert set(options("q-23-owed")) == set(said)
    assert [option for option, true in said.items() if true] == [marked("q-23-owed")]
