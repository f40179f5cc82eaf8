"""Names of files that differ from a commit; from one that git does not know, all do."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # from which every file differs


def git(*words: str) -> str:
    """What git prints, in the root of the course."""
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def known(commit: str) -> str:
    """The commit; the empty tree if there is none of that name, as in a shallow clone."""
    words = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 0
    return commit if commit and found else EMPTY_TREE


def since(commit: str) -> set[str]:
    """Names of files that differ from a commit, uncommitted and untracked ones included."""
    tracked = git("diff", "--name-only", known(commit))
    return {*tracked.splitlines(), *git("ls-files", "--others", "--exclude-standard").splitlines()}
