"""A folder becomes a branch of one commit, and nothing else moves."""

import subprocess
from pathlib import Path

import pytest

from tools import publish


def git(*words: str, cwd: Path) -> str:
    done = subprocess.run(["git", *words], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A repository with a remote, an ignored folder to publish, and a staged and an open change."""
    git("init", "-q", "--bare", "remote", cwd=tmp_path)
    git("init", "-q", "-b", "main", "course", cwd=tmp_path)
    root = tmp_path / "course"
    (root / "_config.yml").write_text("repository: {url: x, branch: launch}\n", "utf8")
    (root / ".gitignore").write_text("_build/\n", "utf8")
    (root / ".git/info/exclude").write_text("*.log\n", "utf8")  # as a global one may say
    git("add", "-A", cwd=root)
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one", cwd=root)
    git("remote", "add", "origin", str(tmp_path / "remote"), cwd=root)
    (root / "staged").touch()
    git("add", "staged", cwd=root)
    (root / "open").touch()
    (root / "_build/launch/notebooks").mkdir(parents=True)
    (root / "_build/launch/notebooks/01_a.ipynb").write_text("{}", "utf8")
    (root / "_build/launch/x.log").touch()
    monkeypatch.chdir(root)
    return root


def files(root: Path) -> list[str]:
    return git("ls-tree", "-r", "--name-only", "launch", cwd=root.parent / "remote").split("\n")


def test_the_branch_holds_the_folder_and_nothing_else(here):
    """Kills: the course's own index; files that git is told to ignore left out; the path kept."""
    publish.main(Path("_build/launch"))
    assert files(here) == ["notebooks/01_a.ipynb", "x.log"]
    assert git("rev-list", "--count", "launch", cwd=here.parent / "remote") == "1"


def test_the_branch_is_replaced_and_has_no_history(here):
    """Kills: a push without force; a commit with parents; a file that is gone kept."""
    publish.main(Path("_build/launch"))
    (here / "_build/launch/x.log").unlink()
    (here / "_build/launch/postBuild").touch()
    publish.main(Path("_build/launch"))
    assert files(here) == ["notebooks/01_a.ipynb", "postBuild"]
    assert git("rev-list", "--count", "launch", cwd=here.parent / "remote") == "1"


def test_what_one_works_on_stays_as_it_is(here):
    """Kills: a branch that is checked out, an index that is written, a stash."""
    before = git("status", "--porcelain", cwd=here), git("branch", cwd=here)
    publish.main(Path("_build/launch"))
    assert before[0] == "A  staged\n?? open"
    assert before == (git("status", "--porcelain", cwd=here), git("branch", cwd=here))


def test_an_empty_folder_is_not_published(here):
    publish.main(Path("_build/launch"))
    (here / "_build/none").mkdir()
    for folder in ("_build/none", "_build/gone"):
        with pytest.raises(SystemExit, match="expected a folder with files"):
            publish.main(Path(folder))
    assert len(files(here)) == 2


def test_what_git_says_is_passed_on(here):
    with pytest.raises(SystemExit, match=r"publish: git push: .*nowhere"):
        publish.main(Path("_build/launch"), remote="nowhere")
