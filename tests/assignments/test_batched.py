"""Hundreds of attacks, many in one notebook: each earns what it should, and tells if it worked."""

import ctypes
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from assignments.grader import namespaces
from assignments.grader.grade import Grade, grade_one
from assignments.grader.namespaces import Isolation
from tests.assignments.hostile import escapes, values
from tests.assignments.hostile.many import TESTS, Attacks, answers, master, tried

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]
ONE = TESTS[2:]


INSTALLED = [tool for tool in ("bwrap", "unshare") if shutil.which(tool)]


@pytest.fixture(params=INSTALLED)
def backend(request: pytest.FixtureRequest) -> Isolation:
    return Isolation(request.param)


def grade(
    folder: Path, attacks: Attacks, prelude: str, isolation: Isolation, tests: tuple[str, ...] = ONE
) -> Grade:
    (folder / "work").mkdir(exist_ok=True)
    (folder / "many.py").write_text(master(attacks, tests), encoding="utf-8")
    notebook = folder / "work" / "many.ipynb"
    notebook.write_text(json.dumps(answers(attacks, prelude)), encoding="utf-8")
    return grade_one(folder / "many.py", notebook, isolation=isolation, seed=1)


def told(grade: Grade, attacks: Attacks) -> dict[str, tuple[float, str]]:
    """By attack, if it earned what it should not, or less: the points, and the reasons."""
    points, reasons = grade.points, grade.reasons
    return {
        name: (points[f"f{n}"], reasons[f"f{n}"])
        for n, (name, (_, due)) in enumerate(attacks.items())
        if points[f"f{n}"] != due
    }


def test_there_are_many_and_each_is_another():
    """Kills: an attack that stands there twice."""
    tables: list[Mapping[str, object]] = [values.VALUES, values.DEATHS, escapes.ESCAPES]
    assert sum(map(len, tables)) + len(escapes.CHANNELS) > 300
    bodies = [body for table in (values.VALUES, escapes.ESCAPES) for body, _ in table.values()]
    assert len(set(bodies)) == len(bodies)


def test_no_other_value_passes_for_a_number(tmp_path):
    """Kills: a comparison that an object of the student's decides; a number that is refused."""
    done = grade(tmp_path, values.VALUES, values.PRELUDE, Isolation(INSTALLED[0]), TESTS)
    assert told(done, values.VALUES) == {}
    text = json.dumps([done.reasons, done.problems])
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in "".join(done.reasons.values()))
    assert "more" not in [p.split()[0] for p in done.problems], text
    assert not Path("/tmp/hostile-canary-pickle").exists()


def test_a_death_costs_its_own_points_alone(tmp_path):
    """Kills: a worker that is not started anew; a stopped one that is waited for."""
    done = grade(tmp_path, values.DEATHS, values.PRELUDE, Isolation(INSTALLED[0]))
    assert told(done, values.DEATHS) == {}


def test_nobody_gets_out(tmp_path, backend):
    """Kills: a system call, a folder, a file, a limit that the sandbox leaves open."""
    done = grade(tmp_path, escapes.ESCAPES, escapes.PRELUDE, backend)
    assert told(done, escapes.ESCAPES) == {}
    assert not list(Path("/").glob("hostile-canary*"))


def test_a_submission_leaves_nothing_for_the_next(tmp_path, backend):
    """Kills: a session's keyring, or whatever else two sandboxes have in common."""
    put = tried({name: one for name, (one, _) in escapes.CHANNELS.items()})
    find = tried({name: two for name, (_, two) in escapes.CHANNELS.items()})
    for number, attacks in enumerate((put, find)):
        (tmp_path / str(number)).mkdir()
        done = grade(tmp_path / str(number), attacks, escapes.PRELUDE, backend)
    assert told(done, find) == {}


@pytest.mark.parametrize("name", ["the session's keyring", "/dev/shm", "SysV shared memory"])
def test_without_a_sandbox_the_next_one_finds_it(tmp_path, name, monkeypatch):
    """What could never be found would prove nothing."""
    monkeypatch.setattr(namespaces, "become", list)
    keyctl = {"x86_64": 250}.get(os.uname().machine, 219)
    ctypes.CDLL(None).syscall(keyctl, 1, None)  # a session keyring of this process's own
    put, find = (tried({name: one}) for one in escapes.CHANNELS[name])
    try:
        for number, attacks in enumerate((put, find)):
            (tmp_path / str(number)).mkdir()
            done = grade(tmp_path / str(number), attacks, escapes.PRELUDE, Isolation("none"))
        assert list(told(done, find)) == [name]
    finally:
        Path("/dev/shm/hostile-canary").unlink(missing_ok=True)
        subprocess.run(["ipcrm", "-M", "0x686F73"], capture_output=True, check=False)
