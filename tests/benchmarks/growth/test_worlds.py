"""The table of worlds plans in rooms of all its sizes."""

from benchmarks.growth.tables import worlds


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
