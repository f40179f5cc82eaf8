"""Pushes a folder as a branch of its own: `python -m tools.publish _build/launch`.

The branch holds one commit without a parent, so that a clone of it stays small; its name is the one
that _config.yml gives to the launch buttons. No file of the working tree moves.
"""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import yaml

AUTHOR = {"NAME": "the course's contributors", "EMAIL": "ci@localhost"}


def commit(folder: Path) -> str:
    """The name of a new commit, in the repository around us, of what the folder holds."""
    repository = _git("rev-parse", "--absolute-git-dir")
    with tempfile.TemporaryDirectory() as temporary:
        names = {f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in AUTHOR.items()}
        env = {"GIT_INDEX_FILE": f"{temporary}/index", **names}
        whole = ("--git-dir", repository, "--work-tree", str(folder.resolve()))
        _git(*whole, "add", "--all", "--force", ".", cwd=folder, env=env)
        tree = _git(*whole, "write-tree", env=env)
        message = f"Plain notebooks of {_git('rev-parse', '--short', 'HEAD')}"
        return _git("commit-tree", "-m", message, tree, env=env)


def _git(*words: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        ["git", *words], cwd=cwd, env=os.environ | (env or {}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"publish: git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def main(
    folder: Annotated[Path, typer.Argument(help="what to publish")],
    remote: Annotated[str, typer.Option(help="where to")] = "origin",
) -> None:
    """Replaces the branch by the folder."""
    if not folder.is_dir() or not any(folder.iterdir()):
        raise SystemExit(f"publish: expected a folder with files, got {folder}")
    branch = yaml.safe_load(Path("_config.yml").read_text("utf8"))["repository"]["branch"]
    _git("push", "--quiet", "--force", remote, f"{commit(folder)}:refs/heads/{branch}")
    print(f"publish: {folder} is branch {branch} of {remote}")


if __name__ == "__main__":
    typer.run(main)
