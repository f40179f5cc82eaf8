"""The words that build a sandbox, where a machine is older, or the grader nobody special.

That they build the right one is tried from inside, in test_sandbox.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from assignments.grader import namespaces
from assignments.grader.namespaces import (
    UID,
    Isolation,
    become,
    bubblewrap,
    check_reach,
    command,
    layout,
    options,
    package_folders,
    unshare,
)
from assignments.grader.stage import ROOT, GraderError

WORKER = ["python", "worker.py", "it's"]


@pytest.fixture(autouse=True)
def ordinary(monkeypatch: pytest.MonkeyPatch) -> None:
    """No root, and the newest bubblewrap."""
    monkeypatch.setattr(namespaces.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(namespaces, "options", lambda _: "--size --disable-userns")


def shown(places: list[tuple[Path, bool]], path: Path) -> bool:
    """Whether a path can be seen: the last word on any folder above it counts."""
    return next((show for place, show in reversed(places) if path.is_relative_to(place)), False)


def test_python_and_its_packages_are_shown_and_the_course_is_not(tmp_path):
    """Kills: a folder of the course's, or of submissions, in sight; a numpy that is not."""
    import numpy as np

    places = layout((tmp_path,))
    assert shown(places, Path(sys.executable))
    assert shown(places, Path(np.__file__))
    for hidden in ("assignments/masters/01_bayes.py", "coursepkg/bayes/coin.py", "pyproject.toml"):
        assert (ROOT / hidden).exists()
        assert not shown(places, ROOT / hidden)
    assert not shown(places, tmp_path / "ann.ipynb")
    assert not shown(places, Path.home())
    assert not shown(places, Path("/etc/passwd"))


def test_the_course_is_hidden_below_a_folder_that_is_shown(monkeypatch):
    """Kills: the course in sight of one who keeps it beside packages, wherever that is."""
    monkeypatch.setattr(namespaces, "package_folders", lambda: [ROOT.parent])
    places = layout(())
    assert shown(places, ROOT.parent / "other")
    assert not shown(places, ROOT / "pyproject.toml")


def test_a_folder_that_students_may_not_enter_is_not_shown(monkeypatch, tmp_path):
    """Kills: a home of mode 0700 mounted over the Python within it. Who is not root keeps it."""
    (inside := tmp_path / "closed" / "open").mkdir(parents=True)
    monkeypatch.setattr(namespaces, "package_folders", lambda: [inside.parent, inside])
    inside.parent.chmod(0o700)
    assert shown(layout(()), inside.parent)
    monkeypatch.setattr(namespaces.os, "geteuid", lambda: 0)
    places = layout(())
    assert not shown(places, inside.parent)
    assert shown(places, inside)
    assert shown(places, Path("/etc/ld.so.cache")), "a file is not entered"


def test_a_folder_inside_what_is_shown_is_hidden_and_what_it_holds_shown_again(monkeypatch):
    """Kills: masking before binding, which shows the course of one who works below /usr."""
    monkeypatch.setattr(sys, "prefix", "/usr/share/zoneinfo")
    places = layout((Path("/usr/share"),))
    order = [(str(path), show) for path, show in places]
    usr, share, zone = (order.index(x) for x in [("/usr", True), ("/usr/share", False),
                                                 ("/usr/share/zoneinfo", True)])  # fmt: skip
    assert usr < share < zone


def test_a_folder_that_both_is_needed_and_should_be_hidden_is_shown(monkeypatch):
    """Kills: an instructor in the packages' own folder who has no Python any more."""
    monkeypatch.setattr(sys, "prefix", "/usr/share/zoneinfo")
    assert shown(layout((Path("/usr/share/zoneinfo"),)), Path("/usr/share/zoneinfo/UTC"))


def test_what_is_closed_is_hidden_wherever_packages_are(monkeypatch, tmp_path):
    """Kills: a closed library in the Python below a virtual environment, or behind a link."""
    real, base = tmp_path / "real", tmp_path / "base"
    tops = [real, base / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"]
    for top in tops:
        (top / "near" / "closed").mkdir(parents=True)
    (link := tmp_path / "link").symlink_to(real)
    monkeypatch.setattr(sys, "base_prefix", str(base))
    monkeypatch.setattr(namespaces, "package_folders", lambda: [link, real])
    places = layout(Isolation("bwrap").closing(["near.closed", "not.there"]).hidden)
    for top in (link, *tops):
        assert shown(places, top / "near")
        assert not shown(places, top / "near" / "closed")
    monkeypatch.setattr(namespaces, "package_folders", lambda: [link])
    assert real / "near" / "closed" in Isolation("bwrap").closing(["near.closed"]).hidden


def test_root_becomes_somebody_without_rights_and_others_stay_who_they_are(monkeypatch):
    """Kills: student code that runs as root, whom no limit on processes binds."""
    assert become() == []
    monkeypatch.setattr(namespaces.os, "geteuid", lambda: 0)
    words = become()
    assert words[0] == "setpriv"
    assert words[-1] == "--"
    assert {f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs"} <= set(words)


def test_the_tool_is_the_one_that_was_measured(tmp_path):
    """Kills: a fallback that nobody asked for."""
    for tool in ("bwrap", "unshare"):
        words = command(Isolation(tool), tmp_path, 1 << 20, WORKER, 9)
        assert words[:4] == ["choom", "-n", "1000", "--"]
        assert {"bwrap", "unshare"} & set(words) == {tool}
    assert command(Isolation("none"), tmp_path, 1 << 20, WORKER, 9) == WORKER
    with pytest.raises(ValueError, match="got 'docker'"):
        command(Isolation("docker"), tmp_path, 1 << 20, WORKER, 9)


def test_an_older_bubblewrap_is_asked_only_for_what_it_can(monkeypatch, tmp_path):
    """Kills: an option of 0.8 that an Ubuntu 22.04 refuses, and with it every submission."""
    new = bubblewrap([], tmp_path, 77, WORKER, 9)
    assert new[new.index("--size") + 1] == "77"
    assert new.count("--size") == 2
    assert "--disable-userns" in new
    monkeypatch.setattr(namespaces, "options", lambda _: "")
    old = bubblewrap([], tmp_path, 77, WORKER, 9)
    assert not {"--size", "--disable-userns", "77"} & set(old)
    assert old[-len(WORKER) :] == WORKER
    assert old[-len(WORKER) - 3 : -len(WORKER)] == ["--seccomp", "9", "--"]


def test_the_filter_of_roots_bubblewrap_is_the_inner_ones(monkeypatch, tmp_path):
    """Kills: a filter that forbids the second one its namespaces; none on the second."""
    monkeypatch.setattr(namespaces.os, "geteuid", lambda: 0)
    words = bubblewrap([], tmp_path, 77, WORKER, 9)
    second = words.index("bwrap", 1)
    assert words.index("--seccomp") > second
    zero = words.index("/dev/zero")
    assert words[zero - 2 : zero] == ["--ro-bind", "/dev/null"]
    assert zero > second


def test_what_a_tool_can_is_what_it_says(monkeypatch):
    """Kills: a tool that is missing and is asked for its help."""
    monkeypatch.undo()
    assert "--no-such" not in options("sh")
    assert options("no-such-tool") == ""


def test_a_course_below_tmp_is_shown_on_top_of_the_empty_tmp(tmp_path):
    """Kills: an environment below /tmp, covered by the student's own /tmp."""
    place = Path("/tmp/course/.venv")
    words = bubblewrap([(place, True)], tmp_path, 1, WORKER, 9)
    empty = max(n for n, word in enumerate(words) if words[n - 1 : n + 1] == ["--tmpfs", "/tmp"])
    again = max(n for n, word in enumerate(words) if word == str(place))
    assert empty < again < words.index("--chdir")


def test_names_with_blanks_and_quotes_stay_one_word(tmp_path):
    """Kills: a folder called ``a b`` that the shell takes for two."""
    odd = tmp_path / "it's a $ROOT `folder`"
    odd.mkdir()
    script = unshare([(odd, True), (odd / "x", False)], odd, 99, WORKER)[-1]
    subprocess.run(["sh", "-n", "-c", script], check=True)
    lines = [line for line in script.splitlines() if line.startswith(("show ", "hide "))]
    assert [shlex.split(line) for line in lines] == [["show", str(odd)], ["hide", str(odd / "x")]]
    last = shlex.split(script.splitlines()[-1])
    assert last[-8:-3] == [sys.executable, "-I", "-S", "-B", "/grader/seccomp.py"]
    assert last[-3:-1] == ["sh", "-c"]
    assert shlex.split(last[-1].removesuffix("; exit $?")) == WORKER
    assert f"root={shlex.quote(str(odd))}/root" in script
    assert script.count("size=99,nr_inodes=") == 1
    assert "for share in tmp dev/shm" in script


def test_the_shells_root_builds_before_it_drops(monkeypatch, tmp_path):
    """Kills: mounts by one who has no right to make them."""
    monkeypatch.setattr(namespaces.os, "geteuid", lambda: 0)
    words = unshare([], tmp_path, 1, WORKER)
    assert words[:3] == ["unshare", "--mount", "--"]
    script = words[-1]
    assert script.index("pivot_root") < script.index(f"--reuid={UID}") < script.index("proc /proc")
    assert os.path.isdir(tmp_path / "root")


def test_what_is_shown_below_a_scratch_folder_hangs_in_a_sealed_one(monkeypatch, tmp_path):
    """Kills: folders above such a Python that a student writes to; a mask on Python itself."""
    places = {path: show for path, show in layout(()) if path.is_relative_to("/dev/shm")}
    assert places == {}
    monkeypatch.setattr(namespaces, "package_folders", lambda: [
        Path("/dev/shm/course/.venv/lib"), Path("/dev/shm/packages")])  # fmt: skip
    places = {path: show for path, show in layout(()) if path.is_relative_to("/dev/shm")}
    assert places == {
        Path("/dev/shm/course"): False,
        Path("/dev/shm/course/.venv/lib"): True,
        Path("/dev/shm/packages"): True,
    }
    words = bubblewrap(list(places.items()), tmp_path, 1, WORKER, 9)
    empty = max(
        n for n, word in enumerate(words) if words[n - 1 : n + 1] == ["--tmpfs", "/dev/shm"]
    )
    again = words[empty:]
    shown = again.index("/dev/shm/course/.venv/lib")
    assert again.index("/dev/shm/course") < shown
    assert again[shown:].index("/dev/shm/course") > 0
    assert again[again.index("/dev/shm/course", shown) - 1] == "--remount-ro"


@pytest.mark.parametrize("mode", [0o700, 0o754])
def test_without_namespaces_root_is_told_what_others_may_not_enter(monkeypatch, tmp_path, mode):
    """Kills: a zero for each student whose worker found no numpy; a Python behind a link."""
    home, link = tmp_path / "home", tmp_path / "link"
    (home / "grader").mkdir(parents=True)
    link.symlink_to(home / "grader")
    modes = {home: 0o040000 | mode}  # all other folders are open, wherever the tests run
    monkeypatch.setattr(Path, "stat", lambda path: SimpleNamespace(st_mode=modes.get(path, 0o755)))
    monkeypatch.setattr(namespaces, "package_folders", list)
    check_reach(Isolation("none"), home / "grader")  # it is one's own
    monkeypatch.setattr(namespaces.os, "geteuid", lambda: 0)
    check_reach(Isolation("bwrap"), home / "grader")  # mounted by root
    for folder in (home / "grader", link):
        with pytest.raises(GraderError, match=f"user {UID}, who may not enter {home}$"):
            check_reach(Isolation("none"), folder)
    modes[home] = 0o040711
    check_reach(Isolation("none"), link)
    modes[python := Path(sys.executable).resolve().parent] = 0o040700
    with pytest.raises(GraderError, match=f"may not enter {python}$"):
        check_reach(Isolation("none"), link)
    del modes[python]
    monkeypatch.setattr(namespaces, "package_folders", lambda: [home / "packages"])
    modes[home] = 0o040710
    with pytest.raises(GraderError, match=f"may not enter {home}$"):
        check_reach(Isolation("none"), tmp_path)


# --- what is known of it ----------------------------------------------------------------------


def test_what_else_is_on_the_path_is_not_among_the_packages(monkeypatch, tmp_path):
    """Kills: the current folder, or the course, on the worker's path, with masters and all."""
    monkeypatch.setattr(sys, "path", [str(ROOT), "", "/no/such", str(tmp_path), *sys.path])
    monkeypatch.chdir(tmp_path)
    folders = package_folders()
    assert not {ROOT, tmp_path, Path(), ROOT / "tests"} & set(folders)
    assert all(folder.is_dir() for folder in folders)
    assert any((folder / "numpy").is_dir() for folder in folders)
    assert not shown(layout(()), tmp_path)


def test_packages_of_ones_own_are_shown(monkeypatch, tmp_path):
    """Kills: a worker without numpy, where it was installed with --user."""
    monkeypatch.setattr(namespaces.site, "getusersitepackages", lambda: str(tmp_path))
    monkeypatch.setattr(namespaces.site, "ENABLE_USER_SITE", False)
    assert tmp_path not in package_folders()
    monkeypatch.setattr(namespaces.site, "ENABLE_USER_SITE", True)
    assert tmp_path in package_folders()


def test_isolation_is_strong_if_everything_was_tried_and_held():
    """Kills: a sandbox that never started and passes for strong."""
    assert Isolation("bwrap", {"a": True, "b": True}).strong
    assert not Isolation("bwrap", {"a": True, "b": False}).strong
    assert not Isolation("bwrap").strong


def test_hiding_adds_to_what_is_hidden(tmp_path):
    """Kills: a second folder that takes the first one's place; a path that is relative."""
    both = Isolation("bwrap", {"a": True}).hiding(Path()).hiding(tmp_path)
    assert both.hidden == (Path.cwd(), tmp_path)
    assert both.strong
