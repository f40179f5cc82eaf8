"""An instructor's own tests: what of their file counts, and whether they are right."""

import os
import signal
from pathlib import Path

import pytest

from assignments.grader import check as checks
from assignments.grader.check import check
from assignments.grader.grade import Grade, Score
from assignments.grader.isolation import best_isolation
from assignments.grader.master import read_master
from assignments.grader.namespaces import Isolation
from tests.assignments.classes import put
from tests.assignments.notebook import TINY

HEAD = '# %% nbgrader={"grade": true, "grade_id": "q1-hidden", "locked": true, "points": 2}\n'
BEGIN, END = "### BEGIN HIDDEN TESTS\n# hint: none\n", "### END HIDDEN TESTS\n"


def own(folder: Path, text: str) -> Path:
    put(folder / "own" / "tiny.py", text)
    return folder / "own"


def test_settings_of_one_s_own_file_win(tmp_path):
    """Kills: more time, or a module taken out, that an instructor wrote down for nothing."""
    text = "# grader: seconds = 99\n# grader: seed = 5\n# grader: delete = scipy.stats\n" + HEAD
    master = read_master(TINY, own(tmp_path, text))
    assert (master.seconds, master.seed) == (99, 5)
    assert master.deleted == ("coursepkg.bayes.coin", "scipy.stats")
    plain = read_master(TINY, own(tmp_path, HEAD))
    assert (plain.seconds, plain.seed, plain.deleted) == (12, None, ("coursepkg.bayes.coin",))


@pytest.mark.parametrize("cell", [
    '# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true}\nSEED = 1\n',
    '# %% nbgrader={"grade": false, "grade_id": "q1", "solution": true}\ndef f(a):\n    pass\n',
])  # fmt: skip
def test_cells_of_one_s_own_file_that_would_not_be_used_are_refused(tmp_path, cell):
    """Kills: a changed set-up cell that is read and passed over."""
    with pytest.raises(ValueError, match="expected graded cells and settings, got cells"):
        read_master(TINY, own(tmp_path, cell + HEAD))
    copy = own(tmp_path, TINY.read_text(encoding="utf-8"))
    assert read_master(TINY, copy).tests == read_master(TINY).tests


def test_a_reference_that_fails_and_a_blank_that_passes_are_named(monkeypatch, capsys):
    """Kills: one of the two that is not tried; a test that passes everybody; a silent minute."""
    seen = []
    threads = {*os.listdir("/proc/self/task")}

    def graded(_: Path, notebook: Path, **options: object) -> Grade:
        own = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert signal.SIGALRM not in own
        assert all(map(takes_no_alarm, {*os.listdir("/proc/self/task")} - threads))
        seen.append((notebook.read_text("utf8"), options["private"]))
        return Grade([Score("a", "q1", 1, 1, "passed"), Score("b", "q1", 0, 1, "no", "trace")])

    monkeypatch.setattr(checks, "grade_one", graded)
    found = list(check(TINY, Path("own"), Isolation("none")))
    assert found == ["b: the reference: no\ntrace", "a: an empty notebook: passed"]
    (reference, private), (blank, _) = seen
    assert private == Path("own")
    assert "e.sum(-1, keepdims=True)" in reference
    assert "def softmax(*_, **__): raise NotImplementedError" in blank
    assert "e.sum" not in blank
    shown = capsys.readouterr()
    assert "grading an empty notebook" in shown.err
    assert "2/2" in shown.err
    assert shown.out == ""


def takes_no_alarm(thread: str) -> bool:
    """Whether the signal is blocked in it: else a call in the sandbox could be interrupted."""
    status = Path(f"/proc/self/task/{thread}/status").read_text("ascii")
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigBlk"))
    return bool(int(mask, 16) >> (signal.SIGALRM - 1) & 1)


@pytest.mark.sandbox
def test_a_typo_in_a_test_of_one_s_own_is_found(tmp_path):
    """Kills: a class that pays for a name that the test does not know."""
    isolation = best_isolation()
    assert list(check(TINY, None, isolation)) == []
    typo = own(tmp_path, f"{HEAD}{BEGIN}assert softmx(np.zeros(2)).shape == (2,)\n{END}")
    (found,) = check(TINY, typo, isolation)
    assert found.startswith("q1-hidden: the reference: failed: none")
    assert "NameError: name 'softmx'" in found
    empty = own(tmp_path, f"{HEAD}{BEGIN}{END}")
    assert list(check(TINY, empty, isolation)) == ["q1-hidden: an empty notebook: passed"]
