"""Plants one-line bugs in a module and sees whether its tests notice: ``python -m tools.mutants``.

The bugs stand in tests/mutants/*.toml: those of a module, which its tests must notice, and, in
equations.NN.toml, those in the formulas of a chapter, each of which a test that bears the mark of
its equation must notice; there the formula may stand in the test itself. Each is tried in a forked
process, in which an import hook hands out the changed source: no file is touched, and torch is
imported once for all. Only a test that fails kills a bug; one that crashes, hangs or does not run
is a broken mutant.
"""

import ast
import functools
import importlib
import importlib.machinery
import importlib.util
import os
import resource
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, NoReturn

import typer

from coursepkg.files import write_whole
from tools import changed, equations

ROOT = Path(__file__).parents[1]
CPU_TIME, TIMEOUT = 120, 300  # seconds of one process
HANG = 40  # seconds of CPU after which a mutant with `hangs = true` counts as killed
# imported once, and not in every fork; coursepkg never, since its modules are what changes
PRELOAD = [
    "torch",
    "pytest",
    "jupytext",
    "scipy.stats",
    "scipy.io",
    "scipy.ndimage",
    "scipy.signal",
    "sklearn.linear_model",
    "sklearn.datasets",
    "sklearn.decomposition",
    "sklearn.ensemble",
    "networkx",
    "IPython.display",
    "matplotlib.pyplot",
    "lightning_fabric",
]
KILLED, SURVIVED = "killed", "SURVIVED"
# exit codes of a process whose test met such an error: a bug that any linter finds tests no test
NO_BUG = {91: NameError, 92: ImportError, 93: MemoryError}


@dataclass(frozen=True)
class Mutant:
    """One bug: `old` becomes `new` in the source of `module`, and `tests` must notice.

    `hangs`: the bug is that something never ends, so that being out of time counts as noticed.
    """

    module: str
    name: str
    old: str
    new: str
    tests: tuple[str, ...]
    hangs: bool = False

    @property
    def source(self) -> Path:
        """The module's file."""
        path = ROOT.joinpath(*self.module.split("."))
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

    def changed_source(self) -> str:
        """The module's source with the bug in it.

        Raises:
            ValueError: if `old` does not stand in it exactly once, or the result does not parse.
        """
        source = self.source.read_text(encoding="utf-8")
        if self.old and source.count(self.old) != 1:
            raise ValueError(f"`old` stands {source.count(self.old)} times in {self.source.name}")
        changed = source.replace(self.old, self.new) if self.old else source
        try:
            compile(changed, str(self.source), "exec")
        except SyntaxError as error:
            raise ValueError(f"does not parse: {error}") from error
        return changed


def read(path: Path) -> list[Mutant]:
    """The mutants of one file: each names its equation, or the file names module and tests.

    A mutant may name its own tests, if the others are slow and have nothing to say.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    if "module" not in table:
        return [_in_formula(**mutant) for mutant in table["mutant"]]
    return [
        Mutant(table["module"], tests=tuple(mutant.pop("tests", table["tests"])), **mutant)
        for mutant in table["mutant"]
    ]


def _in_formula(equation: str, name: str, **bug: Any) -> Mutant:
    tests = tuple(f"{place.file}{place.name}" for place in _marked()[equation])
    return Mutant(name=f"{equation}: {name}", tests=tests, **bug)


@functools.cache
def _marked() -> dict[str, list[equations.Place]]:
    """The tests that bear each equation's mark."""
    return dict(equations.by_label(equations.collect(ROOT).tests))


class _Hook(importlib.machinery.SourceFileLoader):
    """Finder and loader that hands out the changed source of one module."""

    def __init__(self, module: str, path: Path, source: str) -> None:
        super().__init__(module, str(path))
        self.source = source

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        is_package = Path(self.path).name == "__init__.py"
        places = [str(Path(self.path).parent)] if is_package else None
        return importlib.util.spec_from_file_location(
            name, self.path, loader=self, submodule_search_locations=places
        )

    def get_source(self, fullname: str) -> str:
        return self.source

    def get_code(self, fullname: str) -> object:  # type: ignore[override]
        return compile(self.source, self.path, "exec")


class _Witness:
    """A plugin of pytest that remembers what went wrong first."""

    error: BaseException | None = None

    def pytest_exception_interact(self, call: Any) -> None:
        self.error = self.error or call.excinfo.value


def exit_code(code: int, error: BaseException | None) -> int:
    """pytest's exit code, or that of NO_BUG if the error, or one of its group, stands there."""
    if isinstance(error, BaseExceptionGroup):
        return next((c for e in error.exceptions if (c := exit_code(code, e)) != code), code)
    return next((c for c, kind in NO_BUG.items() if isinstance(error, kind)), code)


def run(mutant: Mutant) -> NoReturn:
    """Runs the tests on the changed source and ends the (forked) process."""
    code = 99
    try:
        import pytest

        for name in [name for name in sys.modules if name.split(".")[0] in {"tools", "coursepkg"}]:
            del sys.modules[name]  # what this module imported is imported anew, with the bug
        sys.meta_path.insert(0, _Hook(mutant.module, mutant.source, mutant.changed_source()))
        limit = HANG if mutant.hangs else CPU_TIME
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        os.chdir(ROOT)
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # ruff: ignore[open-file-with-context-handler]
        # plain asserts, since pytest's own import of a test would pass by the hook
        witness, words = _Witness(), ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain"]
        code = exit_code(int(pytest.main([*mutant.tests, *words], [witness])), witness.error)
    finally:
        os._exit(code)


def verdict(mutant: Mutant, code: int, *, late: bool) -> str:
    """What the end of the process says: a negative code is a signal, `late` that it was ours."""
    if late or code == -signal.SIGXCPU:
        return KILLED if mutant.hangs else "BROKEN: out of time (if that is the bug: hangs = true)"
    if code < 0:
        return f"BROKEN: ended by {signal.Signals(-code).name}"
    if code in NO_BUG:
        return f"BROKEN: {NO_BUG[code].__name__}"
    return {0: SURVIVED, 1: KILLED}.get(code, f"BROKEN: pytest ended with {code}")


def judge(mutants: Sequence[Mutant], *, jobs: int) -> Iterator[tuple[Mutant, str]]:
    """Tries the mutants, `jobs` at a time, and yields each with what came of it."""
    waiting, running = list(reversed(mutants)), dict[int, tuple[Mutant, float]]()
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            try:
                mutant.changed_source()
            except ValueError as error:
                yield mutant, f"BROKEN: {error}"
                continue
            if not (pid := os.fork()):
                run(mutant)
            running[pid] = mutant, time.monotonic() + TIMEOUT
        for pid, (mutant, deadline) in list(running.items()):
            if late := time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            done, status = os.waitpid(pid, 0 if late else os.WNOHANG)
            if done:
                del running[pid]
                yield mutant, verdict(mutant, os.waitstatus_to_exitcode(status), late=late)
        time.sleep(0.02)


@functools.cache
def imports(file: Path) -> frozenset[Path]:
    """Files below tests/ that a Python file may import, the packages around them included."""
    names = list[str]()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    files = set[Path]()
    for parts in (name.split(".") for name in names):
        paths = [ROOT.joinpath(*parts[:n]) for n in range(2, len(parts) + 1) if parts[0] == "tests"]
        files |= {file for p in paths for file in (p.with_suffix(".py"), p / "__init__.py")}
    return frozenset(file for file in files if file.is_file())


def reads(test: Path) -> set[Path]:
    """A test file, each conftest.py that pytest gives it, and what these import from tests/."""
    folders = [folder for folder in test.parents if folder.is_relative_to(ROOT)]
    waiting = [test, *(folder / "conftest.py" for folder in folders)]
    found = set[Path]()
    while waiting:
        file = waiting.pop()
        if file not in found and file.is_file():
            found.add(file)
            waiting += imports(file)
    return found


def default_base() -> str:
    """The commit of .ci/mutants-base, or ""."""
    file = ROOT / ".ci" / "mutants-base"
    return file.read_text(encoding="utf-8").strip() if file.exists() else ""


def settle() -> None:
    """Makes HEAD the base from now on, if nothing differs from it: all mutants were killed here."""
    if not changed.since("HEAD"):
        words = ["git", "rev-parse", "HEAD"]
        commit = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        write_whole(ROOT / ".ci" / "mutants-base", commit)


def _selected(
    everything: bool, base: str, only: Sequence[str]
) -> Iterator[tuple[Path, list[Mutant]]]:
    known = {path.stem for path in (ROOT / "tests" / "mutants").glob("*.toml")}
    if unknown := sorted(set(only) - known):
        raise typer.BadParameter(f"expected files of tests/mutants, got {', '.join(unknown)}")
    names = set() if everything or only else changed.since(base or default_base())
    for path in sorted((ROOT / "tests" / "mutants").glob("*.toml")):
        mutants = read(path)
        tests = {ROOT / test.split("::")[0] for mutant in mutants for test in mutant.tests}
        files = {path, *(mutant.source for mutant in mutants)}.union(*map(reads, tests))
        if everything or path.stem in only or {str(f.relative_to(ROOT)) for f in files} & names:
            yield path, mutants


def main(
    only: Annotated[
        list[str] | None, typer.Argument(help="such as bayes.coin; default: changed")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="every module, changed or not")] = False,
    base: Annotated[
        str, typer.Option(help="commit to compare with; default: .ci/mutants-base")
    ] = "",
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = os.cpu_count() or 1,
) -> None:
    """Plants one-line bugs in the changed modules; fails if the tests of one do not notice."""
    os.environ |= {
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    for library in PRELOAD:
        importlib.import_module(library)
    selected = list(_selected(everything, base, only or []))
    bad, total, start = [], 0, time.perf_counter()
    for path, mutants in selected:
        hangs = any(mutant.hangs for mutant in mutants)  # then the tests end before HANG
        tests = tuple(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
        clean = Mutant(mutants[0].module, "no bug at all", "", "", tests, hangs)
        results = dict(judge([clean, *mutants], jobs=jobs))
        expected = {m: SURVIVED if m is clean else KILLED for m in results}
        lost = [m for m in results if results[m] != expected[m]]
        bad += (problems := [f"{path.stem}: {m.name}: {results[m]}" for m in lost])
        total += len(mutants)
        killed = sum(results[m] == KILLED for m in mutants)
        line = f"{path.stem:24} {killed} of {len(mutants)} killed"
        print("\n    ".join([line, *problems]), flush=True)  # at once: a whole run takes an hour
    print("\n".join(["", *bad]) if bad else "")
    print(f"{total} mutants of {len(selected)} modules, {len(bad)} problems, "
          f"{time.perf_counter() - start:.0f} s")  # fmt: skip
    if everything and not bad:
        settle()
    raise typer.Exit(bool(bad))


if __name__ == "__main__":
    typer.run(main)
