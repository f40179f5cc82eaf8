"""What is finished is kept, and is not done twice."""

import json
import math
import signal
import subprocess
import sys
import time

import pytest

from benchmarks.families import chosen
from benchmarks.leaderboard import entries
from benchmarks.leaderboard import store as store_module
from benchmarks.leaderboard.__main__ import main, tasks
from benchmarks.leaderboard.store import code_of, fingerprint, finished, keep, stored
from benchmarks.provenance import RESULTS
from tests.benchmarks.invoke import invoke
from tools.notebooks import ROOT

COUNTED = """
from pathlib import Path
from benchmarks.leaderboard.board import DIGITS, Entry
from benchmarks.leaderboard.entries.arm import uniform

def first(split, generator, quick):
    with Path({log!r}).open("a") as log:
        log.write("first ")
    return uniform(split, generator, quick)

def second(split, generator, quick):
    with Path({log!r}).open("a") as log:
        log.write("second ")
    if Path({stop!r}).exists():
        raise {error}("stopped")
    return uniform(split, generator, quick)

BOARD = DIGITS
ENTRIES = (Entry("first", first), Entry("second", second))
"""
ROW = {"family": "a", "sign": "=", "nats": 1.0, "cpu_seconds": 1.0, "cpu_seconds_per_seed": [1.0],
       "parameters": 1}  # fmt: skip


@pytest.fixture
def counted(planted, tmp_path):
    """A family that notes what it trains; its second entry fails while a file says so."""
    log, stop, folder = tmp_path / "log", tmp_path / "stop", tmp_path / "results"
    log.touch()

    def plant(error="RuntimeError"):
        planted(entries, "counted", COUNTED.format(log=str(log), stop=str(stop), error=error))

    def go(*words):
        result = invoke(main, "--quick", "--only", "counted", "--out", folder, *words)
        return result, log.read_text().split()

    plant()
    return plant, go, stop, folder / "leaderboard-counted.json"


@pytest.mark.usefixtures("float32")
def test_what_is_finished_is_not_trained_again_unless_asked(counted):
    """Kills: everything anew each time, `--anew` that is not heard, one entry for all."""
    _, go, _, path = counted
    assert go()[1] == ["first", "second"]
    before = path.read_text()
    result, log = go()
    assert log == ["first", "second"]
    assert path.read_text() == before
    assert "= 181.33" in result.output
    assert go("--anew", "--entry", "second")[1] == ["first", "second", "second"]


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("error", ["RuntimeError", "KeyboardInterrupt"])
def test_an_interrupted_run_goes_on_where_it_was(counted, error):
    """Kept as soon as it is finished. Kills: results that are written at the end, a silent end."""
    plant, go, stop, path = counted
    plant(error)
    stop.touch()
    result, _ = go()
    assert result.exit_code != 0
    if error == "RuntimeError":
        assert "counted: second: RuntimeError" in " ".join(result.output.split())
    assert list(stored(path)) == ["first"]
    stop.unlink()
    result, log = go()
    assert result.exit_code == 0, result.output
    assert log == ["first", "second", "second"]
    assert list(stored(path)) == ["first", "second"]


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("text", ['{"rows": [{"fam', '{"rows": [{"family": "first"}]}', "[]"])
def test_a_damaged_file_is_named_and_its_entries_are_trained_again(counted, text):
    """Kills: a crash, a damaged file that counts as finished, one that is replaced silently."""
    _, go, _, path = counted
    go()
    path.write_text(text)
    result, log = go()
    assert result.exit_code == 0, result.output
    assert "damaged" in result.output
    assert path.name in "".join(result.output.split())
    assert log == ["first", "second"] * 2
    assert list(stored(path)) == ["first", "second"]
    assert path.with_name(path.name + ".damaged").read_text() == text  # may be mended by hand


def test_a_changed_training_counts_as_unfinished_and_a_new_comment_does_not(counted, tmp_path):
    """Kills: a fingerprint of the text, of the file's name alone, one for quick and long runs."""
    source = tmp_path / "family.py"
    first = "from benchmarks.recipe import one_cycle\ndef fit():\n    return 1\n"
    source.write_text(first)
    code = fingerprint(source, quick=False)
    source.write_text("# why\n" + first.replace("fit():\n", 'fit():\n    """What."""\n'))
    assert fingerprint(source, quick=False) == code
    assert fingerprint(source, quick=True) != code
    source.write_text(first.replace("return 1", "return 2"))
    assert fingerprint(source, quick=False) != code


def test_the_code_of_an_entry_is_what_it_imports():
    """Through other entries into the package. Kills: its own file only, all files."""
    found = {str(path.relative_to(ROOT)) for path in code_of(ROOT / ENTRIES / "labelled.py")}
    assert {
        f"{ENTRIES}/labelled.py", f"{ENTRIES}/pixelcnn.py", "benchmarks/recipe.py",
        "benchmarks/leaderboard/scoring.py", "benchmarks/leaderboard/samples.py",
        "coursepkg/nets/gated.py", "coursepkg/data/digits.py", "coursepkg/evaluation/likelihood.py",
    } <= found  # fmt: skip
    assert not {name for name in found if "gan" in name or "rbm" in name}


ENTRIES = "benchmarks/leaderboard/entries"


def test_a_row_takes_the_place_of_its_like_and_leaves_the_rest(tmp_path):
    """By hand. Kills: the order of finishing, a row twice, one of an entry that is gone."""
    path = tmp_path / "a.json"
    for name, value in (("c", 1.0), ("gone", 2.0), ("a", 3.0), ("c", 4.0)):
        keep(path, ROW | {"family": name, "nats": value}, ["a", "b", "c", "gone"])
    keep(path, ROW | {"family": "b", "nats": 5.0}, ["a", "b", "c"])
    found = [(row["family"], row["nats"]) for row in json.loads(path.read_text())["rows"]]
    assert found == [("a", 3.0), ("b", 5.0), ("c", 4.0)]


@pytest.mark.parametrize(("row", "why"), [
    ({"nats": math.nan}, "nan nats"), ({"nats": None}, "NoneType|real number"),
    ({"sign": "—", "nats": None}, ""),
])  # fmt: skip
def test_rows_without_a_number_are_damaged_unless_there_is_none(row, why, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"rows": [ROW | row]}))
    if not why:
        assert stored(path)["a"]["nats"] is None
        return
    with pytest.raises(ValueError, match=r"a\.json: expected rows of a leaderboard, got .*" + why):
        stored(path)


def test_finished_is_what_this_code_made():
    assert finished({"code": "x"}, "x")
    assert not finished({"code": "y"}, "x")
    assert not finished({}, "x")
    assert not finished(None, "x")


def test_entries_that_do_not_exist_are_refused_with_those_that_do():
    result = invoke(main, "--quick", "--only", "arm", "--entry", "oracle")
    assert result.exit_code == 2
    said = " ".join(result.output.replace("│", " ").split())
    for word in ("expected some of", "causal convolution", "uniform", "got: oracle"):
        assert word in said


def test_the_longest_comes_first():
    """By what it took, all seeds together; what is new may be the longest.

    Kills: the order of files, the mean of seeds, a new entry at the end.
    """
    families = chosen(entries, ["arm", "nade"])
    rows = {name: stored(RESULTS / f"leaderboard-{name}.json") for name in families}
    found = tasks(families, rows, quick=False)
    took = {
        name: sum(row["cpu_seconds_per_seed"]) + row["scoring_cpu_seconds"]
        for family in rows.values() for name, row in family.items()
    }  # fmt: skip
    longest = sorted(took, key=took.__getitem__, reverse=True)[:3]
    assert [task.names for task in found[:3]] == [(name,) for name in longest]
    assert longest[0] == "NADE, mixture over 8 orders"
    assert found[0].seconds == pytest.approx(took[longest[0]], abs=2)
    del rows["arm"]["uniform"]
    assert tasks(families, rows, quick=False)[0].names == ("uniform",)


def test_lines_of_one_training_are_one_task():
    """Its seconds count once, and each line's scoring. Kills: a task for each line."""
    families = chosen(entries, ["realnvp"])
    rows = {"realnvp": stored(RESULTS / "leaderboard-realnvp.json")}
    both = ("RealNVP, variational noise", "RealNVP, variational noise, 64 weights")
    found = {task.names: task for task in tasks(families, rows, quick=False)}
    assert set(found) == {
        both, ("RealNVP, uniform noise",), ("untrained flow on Gaussianised pixels",)
    }  # fmt: skip
    lines = [rows["realnvp"][name] for name in both]
    training = max(sum(row["cpu_seconds_per_seed"]) for row in lines)
    scoring = sum(row["scoring_cpu_seconds"] for row in lines)
    assert found[both].seconds == pytest.approx(training + scoring, abs=2)


@pytest.mark.slow
def test_two_processes_and_a_signal(tmp_path):
    """What was finished when the signal came is kept, nothing runs on, and the next run goes on."""
    words = ["-m", "benchmarks.leaderboard", "--only", "arm", "nade", "--quick", "--workers", "2"]
    command = [sys.executable, *words, "--out", str(tmp_path)]
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.2)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)  # which waits for all that could still write
    assert first.returncode != 0
    kept = {name: row for f in tmp_path.glob("*.json") for name, row in stored(f).items()}
    assert 0 < len(kept) < 10
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    rows = {name: row for f in tmp_path.glob("*.json") for name, row in stored(f).items()}
    assert len(rows) == 10
    assert all(rows[name] == row for name, row in kept.items())
    assert {row["provenance"]["threads"] for row in rows.values()} == {1}


def test_the_scoring_counts_as_code_of_every_entry():
    assert store_module.SCORING in code_of(ROOT / ENTRIES / "arm.py")
