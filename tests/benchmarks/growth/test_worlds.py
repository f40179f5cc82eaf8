"""The table of worlds plans in rooms of all its sizes."""

import pytest
import torch

from benchmarks.growth.tables import worlds
from coursepkg.models.worlds.grid import grid_world
from coursepkg.models.worlds.planning import value_iteration


def test_a_row_is_a_room(monkeypatch, float32):
    """Kills: another room, states that are not those of the room, nothing planned."""
    seen, real = [], worlds.value_iteration

    def spy(world, *, discount):
        plan = real(world, discount=discount)
        seen.append((len(world.P), plan.value[0].item()))
        return plan

    monkeypatch.setattr(worlds, "value_iteration", spy)
    row = worlds.planned(3)
    assert row["states"] == 9
    assert row["seconds"] > 0
    assert {states for states, _ in seen} == {9}
    assert 0 < seen[0][1] < 0.98 * 0.95**3  # the goal is four steps away, and the floor slippery
    assert [side for (side,) in worlds.TABLE.sizes] == [8, 12, 16, 24, 32]


@pytest.mark.parametrize(("side", "rounds"), [(16, 67), (32, 109)])
def test_rounds_that_the_chapter_names(side, rounds, float32):
    """The plan's own error falls below its tolerance in that round, and not before.

    Kills: numbers of rounds that were true of another room.
    """
    rows = ["." * side] * side
    rows[0], rows[-1] = "S" + rows[0][1:], rows[-1][1:] + "G"
    world = grid_world(rows).world
    value, changes = torch.zeros(side**2), []
    for _ in range(rounds):
        best = (world.mean_reward + 0.95 * (world.P @ value)).max(1).values
        changes.append((best - value).abs().max().item())
        value = best
    assert 0.95 * changes[-1] <= 0.05 * 1e-6 < 0.95 * changes[-2]
    torch.testing.assert_close(value, value_iteration(world, discount=0.95).value)
