"""Executes chapters again and compares: ``python -m tools.nbval``, all but those left out.

What reads nothing that changed since a commit at which all passed may be left out: of chapters here
(the commit stands in the environment's SINCE), and of assignments in their tests.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tools import changed, notebooks, pairs

ROOT = Path(__file__).parents[1]


def chapters(commit: str) -> list[Path]:
    """Chapters, as .md, whose code, outputs or whatever they read is not what it was, sorted."""
    timings = notebooks.TIMINGS.relative_to(ROOT).as_posix()
    listed = changed.git("ls-tree", "--name-only", changed.known(commit), "--", timings)
    before = json.loads(changed.git("show", f"{changed.known(commit)}:{timings}")) if listed else {}

    def same(md: Path) -> bool:
        then = before.get(md.stem, {})
        outputs = pairs.outputs(pairs.read(md.with_suffix(".ipynb")))
        now = notebooks.fingerprint(md), outputs
        return (then.get("fingerprint"), then.get("outputs")) == now

    return [md for md in sorted((ROOT / "notebooks").glob("*.md")) if not same(md)]


def masters(commit: str) -> list[Path]:
    """Masters of assignments that changed, or their answers, the grader, what they read; sorted."""
    names = changed.since(commit)

    def reads(master: Path) -> set[str]:
        own = [master, *(p for p in master.with_suffix("").rglob("*") if p.is_file())]
        code = "\n".join(p.read_text("utf8") for p in own if p.suffix == ".py")
        return {p.relative_to(ROOT).as_posix() for p in [*own, *notebooks.needs(code)]}

    every = {"pyproject.toml", "tests/conftest.py", "tests/assignments/test_masters.py",
             "tools/assignments.py"}  # fmt: skip
    if every & names or any(name.startswith("assignments/grader/") for name in names):
        names |= changed.since("")
    return [
        master
        for master in sorted((ROOT / "assignments" / "masters").glob("*.py"))
        if reads(master) & names
    ]


def main() -> int:
    """The exit code of pytest; 0 if nothing has changed."""
    found = chapters(os.environ.get("SINCE", ""))
    print("nbval:", " ".join(md.stem for md in found) or "no chapter has changed", flush=True)
    if not found:  # pytest without a name would run all tests
        return 0
    names = [str(md.with_suffix(".ipynb")) for md in found]
    words = ["-q", "--nbval", "-n", "2", "--dist", "loadfile", *names]
    return subprocess.run([sys.executable, "-m", "pytest", *words], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
