"""Entries in processes of their own: a task, and what comes of it."""

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import cache
from importlib import import_module
from multiprocessing import active_children, get_context
from typing import NamedTuple

import torch

from benchmarks.leaderboard import entries
from benchmarks.leaderboard.board import Board
from benchmarks.leaderboard.scoring import run
from benchmarks.leaderboard.store import Row
from coursepkg.data.digits import Split


class Task(NamedTuple):
    """Entries that are of one training.

    Args:
        file: their family's.
        names: what their lines are called.
        code: fingerprint of what trains it.
        seconds: CPU seconds that it is expected to take.
        quick: only a moment of training.
    """

    file: str
    names: tuple[str, ...]
    code: str
    seconds: float
    quick: bool


def results(todo: Sequence[Task], workers: int) -> Iterator[tuple[Task, list[Row] | Exception]]:
    """Tasks as they end, with their rows or with what went wrong."""
    if min(workers, len(todo)) < 2:
        yield from ((task, train(task)) for task in todo)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _alone)
    futures: dict[Future[list[Row] | Exception], Task] = {pool.submit(train, t): t for t in todo}
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException:  # whoever interrupts does not wait for the half-trained
        for process in active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        signal.signal(signal.SIGTERM, before)


def train(task: Task) -> list[Row] | Exception:
    """One training, in whatever process this is; an error is a result."""
    family = import_module(f"{entries.__name__}.{task.file}")
    asked = [entry for entry in family.ENTRIES if entry.family in task.names]
    try:
        return run(asked, _split(family.BOARD, torch.get_default_dtype()), quick=task.quick)
    except Exception as error:
        return RuntimeError(f"{type(error).__name__}: {error}")  # any error can be pickled so


def _alone() -> None:
    """One thread; and Ctrl-C is the parent's to hear."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@cache
def _split(board: Board, dtype: torch.dtype) -> Split:
    """Read once a process, and again if numbers have another type then."""
    return board.load()
