"""Plants one-line bugs in a module and sees whether its tests notice: ``python -m tools.mutants``.

The bugs stand in tests/mutants/*.toml. Each is tried in a forked process, in which an import hook
hands out the changed source: no file is touched, and torch is imported once for all.
"""

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
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

ROOT = Path(__file__).parents[1]
# seconds; a mutant that hangs is killed by its tests just as well
CPU_TIME, TIMEOUT = 120, 300
# imported once, and not in every fork; coursepkg never, since its modules are what changes
PRELOAD = [
    "torch",
    "jupytext",
    "scipy.stats",
    "scipy.io",
    "scipy.ndimage",
    "sklearn.linear_model",
    "sklearn.datasets",
    "sklearn.decomposition",
    "matplotlib.pyplot",
    "lightning_fabric",
]
KILLED, SURVIVED = "killed", "SURVIVED"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@dataclass(frozen=True)
class Mutant:
    """One bug: `old` becomes `new` in the source of `module`, and `tests` must notice."""

    module: str
    name: str
    old: str
    new: str
    tests: tuple[str, ...]

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
    """The mutants of one file."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    tests = tuple(table["tests"])
    return [Mutant(table["module"], m["name"], m["old"], m["new"], tests) for m in table["mutant"]]


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

    def get_code(self, fullname: str) -> object:  # type: ignore[override]
        return compile(self.source, self.path, "exec")


def run(mutant: Mutant) -> int:
    """Runs the tests on the changed source; ends the (forked) process with pytest's exit code."""
    code = 99
    try:
        import pytest

        sys.meta_path.insert(0, _Hook(mutant.module, mutant.source, mutant.changed_source()))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_TIME, CPU_TIME))
        os.chdir(ROOT)
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # ruff: ignore[open-file-with-context-handler]
        code = int(pytest.main([*mutant.tests, "-x", "-q", "-p", "no:cacheprovider"]))
    finally:
        os._exit(code)


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
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del running[pid]
                code = os.waitstatus_to_exitcode(status)
                hung = code < 0  # ended by a signal: out of time
                yield mutant, {0: SURVIVED, 1: KILLED}.get(1 if hung else code, f"BROKEN: {code}")
        time.sleep(0.02)


def changed_since(base: str) -> set[str]:
    """Files that differ from `base`, uncommitted and untracked ones included."""

    def git(*words: str) -> list[str]:
        return subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()

    return {*git("diff", "--name-only", base), *git("ls-files", "--others", "--exclude-standard")}


def default_base() -> str:
    """The commit of .ci/mutants-base; the empty tree where git does not know it."""
    file = ROOT / ".ci" / "mutants-base"
    commit = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    words = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
    known = subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 0
    return commit if commit and known else EMPTY_TREE


def settle() -> None:
    """Makes HEAD the base from now on, if nothing differs from it: all mutants were killed here."""
    if not changed_since("HEAD"):
        words = ["git", "rev-parse", "HEAD"]
        commit = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        (ROOT / ".ci" / "mutants-base").write_text(commit, encoding="utf-8")


def _selected(
    everything: bool, base: str, only: Sequence[str]
) -> Iterator[tuple[Path, list[Mutant]]]:
    changed = set() if everything or only else changed_since(base or default_base())
    for path in sorted((ROOT / "tests" / "mutants").glob("*.toml")):
        mutants = read(path)
        files = {str(path.relative_to(ROOT)), str(mutants[0].source.relative_to(ROOT)),
                 *(t.split("::")[0] for t in mutants[0].tests)}  # fmt: skip
        if everything or path.stem in only or files & changed:
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
    jobs: Annotated[int, typer.Option(help="processes")] = os.cpu_count() or 1,
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
        clean = replace(mutants[0], name="no bug at all", old="", new="")
        results = dict(judge([clean, *mutants], jobs=jobs))
        expected = {m: SURVIVED if m is clean else KILLED for m in results}
        lost = [m for m in results if results[m] != expected[m]]
        bad += [f"{path.stem}: {m.name}: {results[m]}" for m in lost]
        total += len(mutants)
        print(
            f"{path.stem:24} {sum(results[m] == KILLED for m in mutants)} of {len(mutants)} killed",
            flush=True,
        )
    print("\n".join(["", *bad]) if bad else "")
    print(f"{total} mutants of {len(selected)} modules, {len(bad)} problems, "
          f"{time.perf_counter() - start:.0f} s")  # fmt: skip
    if everything and not bad:
        settle()
    raise typer.Exit(bool(bad))


if __name__ == "__main__":
    typer.run(main)
