"""The page of all measurements of cost."""

import json
import re
from pathlib import Path

import pytest

from tools import bench

ROOT = Path(__file__).parents[2]
ORIGIN = {"cpu": "a CPU", "date": "2026-01-02T03:04:05", "commit": "0123456789abcdef"}
SPEED = '''"""Ours beside theirs.

More about it.
"""
write_results(out / "race.json", rows)
'''
TABLE = '"""Work."""\nTABLE = Table("work_growth", [(1,)], work)\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in (("speed/race.py", SPEED), ("growth/tables/work.py", TABLE)):
        path = tmp_path / "benchmarks" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (tmp_path / "benchmarks/results").mkdir()
    rows = [{"what": "a|b", "n": 1000, "ratio": 0.12345}, {"n": 1, "each": [1, 2], "none": None}]
    for name in ("race", "work_growth"):
        text = json.dumps({"provenance": ORIGIN, "rows": rows})
        (tmp_path / f"benchmarks/results/{name}.json").write_text(text)
    return tmp_path


def test_a_section_says_what_by_which_command_where_and_when(tree):
    """Kills: the command of the other kind, a second paragraph, one table for unlike rows."""
    text = bench.page(tree)
    speed, growth = text.split("## Growth")
    said = "`python -m benchmarks.speed.race`; a CPU, 2026-01-02, commit 012345678.\n"
    assert f"### race\n\nOurs beside theirs. {said}" in speed
    assert "`python -m benchmarks.growth --only work`" in growth
    assert "| what | n | ratio |\n| --- | ---: | ---: |\n| a\\|b | 1,000 | 0.123 |\n\n" in speed
    assert "| n | each | none |\n| ---: | ---: | ---: |\n| 1 | 2 numbers | — |" in speed


def test_a_wide_table_is_several_that_each_say_what_a_row_is(tree):
    """Kills: a sheet of paper that is too narrow, numbers left out or twice, rows without names."""
    row = {"what": "a", "where": "b"} | {f"n{i}": i for i in range(14)}
    path = tree / "benchmarks/results/race.json"
    path.write_text(json.dumps({"provenance": ORIGIN, "rows": [row]}))
    speed, _ = bench.page(tree).split("## Growth")
    heads = [line.strip("| ").split(" | ") for line in speed.splitlines() if line.startswith("| w")]
    numbers = [[f"n{i}" for i in part] for part in (range(6), range(6, 12), range(12, 14))]
    assert heads == [["what", "where", *part] for part in numbers]
    assert "| a | b | 12 | 13 |" in speed


def test_a_file_that_cannot_be_read_is_named(tree):
    path = tree / "benchmarks/results/race.json"
    for text in ("{", "[]", '{"rows": []}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"race\.json: expected provenance and rows, got"):
            bench.page(tree)


def test_what_was_not_measured_has_no_section(tree):
    (tree / "benchmarks/results/race.json").unlink()
    assert "race" not in bench.page(tree)


def test_every_measurement_of_the_repository_has_its_section():
    """Kills: a table of growth that is named on the next line, a race whose file is elsewhere."""
    text, found = bench.page(ROOT), ROOT / "benchmarks" / "results"
    sections = set(re.findall(r"(?m)^### (.*)", text))
    named = {p.stem.replace("_", " ") for p in found.glob("*_growth.json")}
    named |= {p.stem.replace("_", " ") for p in found.glob("*_speed.json")}
    assert named | {"samplers", "grading", "sampling cost"} <= sections
    tables = list((ROOT / "benchmarks/growth/tables").glob("[!_]*.py"))
    assert len(sections) >= len(tables) + 8


def test_the_command_writes_the_page_that_the_book_includes(tree, monkeypatch):
    monkeypatch.chdir(tree)
    bench.main()
    assert (tree / "book/generated/benchmarks.md").read_text() == bench.page(tree)
    assert "{include} generated/benchmarks.md" in (ROOT / "book/benchmarks.md").read_text()
