"""What planning costs as the house grows: value iteration in square rooms, with dense tables."""

from benchmarks.growth.table import Row, Table
from benchmarks.timing import fastest, keep_memory
from coursepkg.models.worlds.grid import grid_world
from coursepkg.models.worlds.planning import value_iteration


def planned(side: int) -> Row:
    """Seconds of one plan in an empty room, from one corner to the opposite one."""
    keep_memory()
    rows = ["." * side] * side
    rows[0], rows[-1] = "S" + rows[0][1:], rows[-1][1:] + "G"
    place = grid_world(rows)
    seconds = fastest(lambda: value_iteration(place.world, discount=0.95), repeats=3)
    return {"states": side**2, "seconds": seconds}


TABLE = Table("worlds_growth", [(side,) for side in (8, 12, 16, 24, 32)], planned)
