"""Which sandbox is taken and what is said of it, given its measurements; test_sandbox measures."""

import os
from pathlib import Path

import pytest

from assignments.grader import isolation as measuring
from assignments.grader.isolation import NAMES, PROBES, best_isolation, describe, measure
from assignments.grader.namespaces import Isolation
from assignments.grader.stage import GraderError

ALL = dict.fromkeys(NAMES, True)
SOME = ALL | {"network": False, "forks": False}
FEW = dict.fromkeys(NAMES, False)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, bool]]:
    """What each tool's measurement gives, to be filled in; an empty one does not start."""
    given: dict[str, dict[str, bool]] = {}
    monkeypatch.setattr(
        measuring, "measure", lambda tool, *hidden: Isolation(tool, given[tool], hidden, "no start")
    )
    return given


def test_the_first_that_holds_in_all_is_taken_and_no_other_measured(measured):
    """Kills: the second tool where the first is as good; a measurement for nothing."""
    measured["bwrap"] = ALL
    assert best_isolation(Path("a"), Path("b")) == Isolation(
        "bwrap", ALL, (Path("a"), Path("b")), "no start")  # fmt: skip


def test_the_second_is_taken_where_the_first_does_not_hold(measured):
    """Kills: one check that fails and is overlooked."""
    measured |= {"bwrap": SOME, "unshare": ALL}
    assert best_isolation().backend == "unshare"


def test_weak_isolation_is_refused_and_told(measured):
    """Kills: a class graded without a sandbox because nobody read the warning."""
    measured |= {"bwrap": SOME, "unshare": {}, "none": ALL}
    with pytest.raises(GraderError, match="--allow-weak-isolation") as caught:
        best_isolation()
    assert "bwrap: NOT ENFORCED: no network; processes are limited" in str(caught.value)
    assert "unshare: no start" in str(caught.value)


def test_where_no_tool_starts_that_is_said(measured):
    """Kills: advice to allow what is not there."""
    measured |= {"bwrap": {}, "unshare": {}}
    with pytest.raises(GraderError, match="no sandbox starts"):
        best_isolation()


@pytest.mark.parametrize(("bwrap", "none", "best"), [(SOME, FEW, "bwrap"), (FEW, SOME, "none")])
def test_if_weakness_is_allowed_the_best_there_is_is_taken(measured, bwrap, none, best):
    """Kills: the first, or the last, in place of the best."""
    measured |= {"bwrap": bwrap, "unshare": {}, "none": none}
    assert best_isolation(allow_weak=True).backend == best


def test_a_description_names_what_does_not_hold():
    """Kills: a weakness that goes unmentioned."""
    assert describe(Isolation("bwrap", ALL)) == f"bwrap: all {len(NAMES)} checks hold"
    told = describe(Isolation("none", SOME))
    assert told == "none: NOT ENFORCED: no network; processes are limited"
    assert describe(Isolation("x", trouble="is not installed")) == "x: is not installed"
    assert describe(Isolation("x")) == "x: does not start here"


def test_a_tool_that_is_not_installed_is_not_tried(monkeypatch):
    """Kills: a traceback where bubblewrap is missing."""
    monkeypatch.setattr(measuring.shutil, "which", lambda _: None)
    monkeypatch.setattr(measuring, "stage", lambda: pytest.fail("it was tried"))
    weak = measure("bwrap")
    assert (weak.checks, weak.trouble) == ({}, "is not installed")


def test_a_sandbox_that_does_not_start_passes_no_check(monkeypatch):
    """Kills: checks that were not made and count as held."""

    def fail(*_: object) -> None:
        raise GraderError("no user namespaces")

    monkeypatch.setattr(measuring, "Sandbox", fail)
    weak = measure("none")
    assert (weak.strong, weak.checks, weak.trouble) == (False, {}, "no user namespaces")


def test_a_folder_that_is_hidden_need_not_be_there_yet(monkeypatch, tmp_path):
    """Kills: a report, made later, for which the grader does not start."""

    def fail(*_: object) -> None:
        raise GraderError("it came as far as this")

    monkeypatch.setattr(measuring, "Sandbox", fail)
    assert measure("none", tmp_path / "report").trouble == "it came as far as this"


def test_a_pipe_is_hung_up_when_nobody_can_write_to_it():
    """Kills: a survivor, who still holds the pipe, that is taken for dead."""
    for alive in (True, False):
        read, write = os.pipe()
        if not alive:
            os.close(write)
        assert measuring._hung_up(read) is not alive
        if alive:
            os.close(write)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(read)


def test_root_is_known_by_the_real_user(monkeypatch, tmp_path):
    """Kills: the wrong line of the process's status: an ordinary user's group may be root's."""
    for uid, answer in (("0\t64123", True), ("64123\t0", False), ("1000\t0", False)):
        text = f"Name:\tx\nUid:\t{uid}\t0\t0\nGid:\t0\t0\t0\t0\n"
        (tmp_path / "status").write_text(text, encoding="utf-8")
        monkeypatch.setattr(measuring, "Path", lambda _: tmp_path / "status")
        assert measuring._is_root(1) is answer


def test_a_probe_that_succeeds_leaves_nothing(tmp_path):
    """Kills: a file in /home on a machine that keeps nobody out."""
    space: dict[str, object] = {"OUTSIDE": [str(tmp_path)]}
    exec(PROBES, space)
    assert space["write_outside"]() is False
    assert list(tmp_path.iterdir()) == []
