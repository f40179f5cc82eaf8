"""What becomes of a student's cells: each statement runs that can, in a time of known length."""

import pytest

from assignments.grader.cells import GRACE, INSTANT, MOMENT, NOTES, RELOADS, SHORT, TOTAL
from assignments.grader.proxy import StudentError
from assignments.grader.sandbox import Died
from tests.assignments.world import CELLS, World, value

SHARES = "all cells together may take 6 s, one statement 3 s"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_cells_that_do_no_harm_run_once_and_in_full(world):
    """Kills: cells that are run twice, or reduced for nothing."""
    session = world.session("a;def b", "c")
    session.load()
    session.load()
    assert world.ran() == [["a", "def b", "c"]]
    assert (session.problems, session.output, session.acted) == ([], "adef bc", 5)
    assert world.workers[0].limits.seconds == 37


def test_more_cells_can_be_run_where_the_first_have(world):
    """Kills: a worker for each question; cells that run again, or too early."""
    session = world.session("a", "b", "c")
    session.upto = 1
    session.load()
    session.upto = 3
    session.load()
    assert world.ran() == [["a", "b", "c"]]
    assert [h["op"] for h in world.workers[0].headers].count("finish") == 2


def test_a_statement_that_ends_the_worker_is_left_out_and_all_else_is_run(world):
    """Kills: lambdas and computed constants, of this cell and of others, that are lost with it."""
    session = world.session("a", "b;die;c", "d")
    session.load()
    assert world.ran() == [["a", "b", "die"], ["a", "b", "c", "d"]]
    assert ("die", 0.0) in world.workers[1].steps  # what it would have named is forgotten
    assert session.problems == [
        "a cell was stopped: it ended its process (the cell that begins 'b;die;c')"
    ]
    assert [worker.closed for worker in world.workers] == [True, False]


def test_a_cell_that_ended_the_worker_changes_no_module(world):
    """Kills: ``np.exp = None`` that outlives the kernel in which it was done."""
    world.session("a", "b;die;c").load()
    steps = [h["patches"] for h in world.workers[-1].headers if h["op"] == "step"]
    assert steps == [True, False, False, False]


def test_a_cell_that_cannot_even_be_read_is_left_out(world, monkeypatch):
    """Kills: a cell at which the parser dies, read again until the grader gives up."""
    session = world.session("a", "b")
    read = session._read
    deaths = iter([Died("it ended its process")])

    def dies(number: int) -> list[bool]:
        if number == 1 and (death := next(deaths, None)):
            raise death
        return read(number)

    monkeypatch.setattr(session, "_read", dies)
    session.load()
    assert world.ran() == [["a"], ["a"]]
    assert session.skipped == {(1, None)}


def test_a_notebook_full_of_such_cells_has_an_end(world):
    """Kills: a worker for each of a thousand cells; the answers among them lost, too."""
    session = world.session("a;def b", *["die;def c"] * 99, "def last;def die")
    session.load()
    assert len(world.workers) == RELOADS + 2
    assert world.ran()[-1] == ["def b", *["def c"] * 99]
    assert f"after {RELOADS} starts only imports, functions, classes and constants were run" in (
        session.problems
    )


def test_one_statement_may_take_half_of_the_time_of_all(world):
    """Kills: a full share for each cell; a demo without an end that costs those below it all."""
    session = world.session("slow", "late;b", "late", "def late;c")
    session.load()
    given = [seconds for _, seconds in world.workers[0].steps]
    assert given == pytest.approx([3, 3, 1.5, 1.5, SHORT])
    assert world.workers[0].seconds[1] == 3 + GRACE
    where = "(the cell that begins 'late;b')"
    assert session.problems[0] == f"a cell was interrupted: {SHARES} {where}"
    assert len(world.workers) == 1


def test_out_of_time_what_is_quick_is_still_run(world):
    """Kills: ``LOG_2PI = np.log(2 * np.pi)`` below many slow cells, not run for them."""
    session = world.session(*[f"slow {n}" for n in range(300)], "quick")
    session.load()
    given = [seconds for _, seconds in world.workers[0].steps]
    assert given[:5] == pytest.approx([3, 3, 3, 1.5, MOMENT * CELLS])
    assert given[-1] == INSTANT
    assert len(given) == 301
    assert world.clock.time < TOTAL * CELLS
    assert session.problems[-1] == "and so on"
    assert len(session.problems) == NOTES + 2


def test_cells_without_an_end_are_not_run_to_it(world):
    """Kills: a hundred thousand cells, or statements, of a moment each."""
    session = world.session("a", ";".join(["def late"] * 9), "b")
    session.load()
    assert world.clock.time <= TOTAL * CELLS + SHORT
    assert "b" not in world.ran()[0]
    assert session.problems[-1].startswith("all the time was gone: no cell was run from here on")


def test_a_worker_that_does_not_interrupt_itself_is_ended(world):
    """Kills: a loop in C without an end, and without a reason."""
    session = world.session("a", "hang;b")
    session.load()
    assert world.ran() == [["a", "hang"], ["a", "b"]]
    assert session.problems == [
        f"a cell was stopped: {SHARES}, and it did not end (the cell that begins 'hang;b')"
    ]


def test_processes_that_a_cell_leaves_are_ended_with_its_worker(world):
    """Kills: a process in the background that watches the tests' calls; a cell lost for it."""
    session = world.session("a", "b;leave;c")
    session.load()
    assert world.ran() == [["a", "b", "leave", "c"], ["a", "b", "leave"], ["a", "b", "c"]]
    assert [worker.closed for worker in world.workers] == [True, True, False]
    assert "it left processes running" in session.problems[0]
    assert not world.workers[-1].left


def test_a_reduced_worker_that_a_definition_ends_is_followed_by_a_reduced_one(world):
    """Kills: a whole worker, in which what was left out would end it again."""
    session = world.session("a;def b", "def die;def c;d")
    session.reduced = True
    session.load()
    assert world.ran() == [["def b", "def die"], ["def b", "def c"]]


def test_when_its_time_is_up_a_submission_is_told_so_at_each_call(world):
    """Kills: a submission without an end; a batch that stops with it."""
    session = world.session("slow", deadline=1.0)
    with pytest.raises(StudentError, match="used up"):
        session.load()
    world.replies = {"softmax": [value(1)]}
    for _ in range(2):
        with pytest.raises(StudentError, match="the submission used up the 36 s that it has"):
            session.call("softmax", (), {})
    session.close()
    with pytest.raises(StudentError, match="used up"):
        session.load()
    assert len(world.workers) == 1


def test_no_request_reaches_beyond_the_end(world):
    """Kills: a deadline that each request may exceed by what it is given."""
    session = world.session("a", deadline=2.0)
    session.load()
    assert max(world.workers[0].seconds) == pytest.approx(2)


def test_a_cell_that_raises_is_told_once_and_briefly(world):
    """Kills: a problem that is repeated for each worker; a message of a megabyte."""
    session = world.session("raise;b", "die")
    session.load()
    assert session.problems[0] == (
        f"a cell raised KeyError: {'m' * 300} (the cell that begins 'raise;b')"
    )
    assert len(session.problems) == 2


def test_once_hidden_tests_have_begun_a_cell_that_is_run_again_is_not_heard(world):
    """Kills: a hidden input in the time at which cells are run again, and that in an error."""
    world.replies = {"softmax": [Died("x"), value(1.0)]}
    session = world.session("a")
    session.load()
    session.output = ""  # as of cells that waited for it
    session.cells[0] = "def raise;def b"
    session.quiet = True
    session.call("softmax", (), {})
    assert world.ran() == [["a"], ["def raise", "def b"]]
    assert (session.problems, session.output) == ([], "")


def test_what_a_worker_makes_up_is_no_list_and_no_number(world):
    """Kills: an error of the grader's own for a reply that a student forged."""
    session = world.session("odd")
    session.load()
    assert (world.ran(), session.acted) == ([[]], 0)


def test_output_is_what_the_cells_printed_while_they_were_first_defined(world):
    """Kills: what a function prints about a hidden test's inputs, shown to the student."""
    world.replies = {"softmax": [Died("x"), value(1.0)]}
    session = world.session("a;def b")
    session.load()
    session.call("softmax", (), {})
    assert session.output == "adef b"
