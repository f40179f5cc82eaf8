"""`make lab`: a copy to work in, in which no work is lost, and which leaves git alone."""

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from jupytext import TextFileContentsManager

from tools import lab, pairs
from tools.site import repository_url, site_url

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.md"))
NEEDED = ("_config.yml", "_toc.yml", ".gitignore", "Makefile", "pyproject.toml", "constraints.txt",
          "book/*.md", "book/*.bib", "book/*.yml", "book/live/*", "notebooks/*",
          "coursepkg/**/*.py", "benchmarks/results/**/*.json")  # fmt: skip
SECONDS = 180  # to start a server, on a busy machine


def notebook(*sources: str) -> str:
    cells = [nbformat.v4.new_markdown_cell(source) for source in sources]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


def run(text: str) -> str:
    """The notebook with other outputs, ids and metadata, as when it was run and saved."""
    read = json.loads(text)
    for number, cell in enumerate(read["cells"]):
        cell |= {"id": f"x{number}", "outputs": [], "execution_count": 7}
    return json.dumps(read | {"metadata": {"language_info": {"name": "python"}}})


def test_what_nobody_changed_is_renewed_and_what_somebody_changed_is_kept(tmp_path: Path):
    """Kills: an edit overwritten; a run notebook never renewed; a version put down twice."""
    made: dict[str, str] = {}
    first, second, third, mine = (notebook("# A", word) for word in ("1", "2", "3", "mine"))
    file, beside = tmp_path / "01_a.ipynb", tmp_path / "01_a-2.ipynb"
    assert lab.place(tmp_path, "01_a", first, made) == "01_a.ipynb"
    assert lab.place(tmp_path, "01_a", first, made) == ""
    file.write_text(run(first))
    assert lab.place(tmp_path, "01_a", first, made) == ""
    assert file.read_text() == run(first)  # nothing new, so outputs stay
    assert lab.place(tmp_path, "01_a", second, made) == "01_a.ipynb"
    assert file.read_text() == second
    file.write_text(mine)
    assert lab.place(tmp_path, "01_a", second, made) == ""
    assert lab.place(tmp_path, "01_a", third, made) == "01_a-2.ipynb"
    assert (file.read_text(), beside.read_text()) == (mine, third)
    beside.unlink()  # merged by hand, say
    assert lab.place(tmp_path, "01_a", third, made) == ""
    assert not beside.exists()
    assert lab.place(tmp_path, "01_a", first, made) == "01_a-2.ipynb"
    beside.write_text(mine)
    assert lab.place(tmp_path, "01_a", notebook("4"), made) == "01_a-3.ipynb"
    assert (file.read_text(), beside.read_text()) == (mine, mine)
    file.unlink()  # to begin anew
    assert lab.place(tmp_path, "01_a", second, made) == "01_a.ipynb"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": [3]}', "mine"])
def test_a_file_that_is_no_notebook_is_kept_as_well(tmp_path: Path, text: str):
    """Kills: what cannot be read counts as unchanged; a record that was lost frees everything."""
    (tmp_path / "01_a.ipynb").write_text(text)
    for made in ({}, {"01_a.ipynb": lab.work(notebook("# A"))}):
        lab.place(tmp_path, "01_a", new := notebook("# B"), made)
        assert (tmp_path / "01_a.ipynb").read_text() == text
        assert (tmp_path / "01_a-2.ipynb").read_text() == new
        (tmp_path / "01_a-2.ipynb").unlink()


def test_a_rendition_is_settled_at_home():
    """Kills: a cell that installs; a link to a site nobody has published; a picture from there."""
    site, repository = site_url(ROOT), repository_url(ROOT)
    text = (
        f"[a]({site}/notebooks/04_mcmc.html#x) [b]({site}/book/notation.html) "
        f"![c]({repository}/raw/main/book/_static/logo.svg)"
    )
    code = nbformat.v4.new_code_cell("plot()", metadata={"tags": ["hide-input"]})
    install = nbformat.v4.new_code_cell("%pip install")
    install.id = "install"
    before = {"cells": [install, nbformat.v4.new_markdown_cell(text), code], "metadata": {}}
    prose, drawn = lab.settle(before, ROOT)["cells"]
    assert prose["source"] == (
        f"[a](04_mcmc.ipynb) [b]({site}/book/notation.html) ![c](attachment:logo.svg)"
    )
    held = base64.b64decode(prose["attachments"]["logo.svg"]["image/svg+xml"])
    assert held == (ROOT / "book/_static/logo.svg").read_bytes()
    assert drawn["metadata"]["jupyter"] == {"source_hidden": True}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what the copy needs, committed; its working copy made; no work done."""
    root = tmp_path_factory.mktemp("course")
    for file in {file for pattern in NEEDED for file in ROOT.glob(pattern) if file.is_file()}:
        target = root / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    downloads = root / lab.assignments.DOWNLOADS
    downloads.mkdir(parents=True)
    (downloads / "assignment-01_bayes.ipynb").write_text(notebook("# Assignment"))
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message=a")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        lab.main()
    return root


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.mark.slow
def test_the_copy_has_all_chapters_and_assignments_in_plain_markdown(course: Path):
    """Kills: pairing that follows into the copy; code that is not the chapter's."""
    names = [*CHAPTERS, "assignment-01_bayes"]
    assert sorted(path.stem for path in (course / "lab").glob("*.ipynb")) == sorted(names)
    for name in CHAPTERS:
        copy = nbformat.read(course / "lab" / f"{name}.ipynb", as_version=4)
        assert "jupytext" not in copy.metadata
        code = [cell.source for cell in copy.cells if cell.cell_type == "code"]
        assert code == [
            source for source, _ in pairs.code(pairs.read(ROOT / f"notebooks/{name}.md"))
        ]
        prose = "\n".join(cell.source for cell in copy.cells if cell.cell_type == "markdown")
        assert not re.search(r"\{(eq|numref|cite|ref|exercise)\}|^:::", prose, re.MULTILINE)
        assert "<summary>Solution to" in prose
        assert rf"\tag{{{int(name[:2])}.1}}" in prose


@pytest.mark.slow
def test_paths_in_the_copy_lead_where_they_lead_in_the_chapter(course: Path):
    """Kills: a copy one folder deeper, in which no result is found."""
    found = 0
    for name in CHAPTERS:
        copy = nbformat.read(course / "lab" / f"{name}.ipynb", as_version=4)
        code = "\n".join(cell.source for cell in copy.cells if cell.cell_type == "code")
        for path in re.findall(r"[\"'](\.\./[\w/.-]+)[\"']", code):
            found += 1
            assert (course / "lab" / path).exists(), path
    assert found >= len(CHAPTERS)


@pytest.mark.slow
def test_ctrl_s_in_the_real_jupyterlab_leaves_the_repository_clean(course: Path):
    """Kills: a copy that is paired or committed; a saved copy that counts as changed."""
    recipe = re.search(r"\$\(BIN\)/jupyter (lab .*)", (ROOT / "Makefile").read_text("utf8"))
    assert recipe
    before = {path.name: lab.work(path.read_text()) for path in (course / "lab").glob("*.ipynb")}
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter", *shlex.split(recipe[1]), "--no-browser", "--allow-root",
         "--IdentityProvider.token=t", "--port=0"],
        cwd=course, env=os.environ | {"JUPYTER_RUNTIME_DIR": str(course / ".git" / "runtime")},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = url(server, course / ".git" / "runtime")
        for name in before:
            model = call(f"{address}api/contents/{name}", "GET")
            model.pop("path")
            call(f"{address}api/contents/{name}", "PUT", model)
    finally:
        server.terminate()
        server.wait(60)
    assert git(course, "status", "--porcelain") == ""
    after = {path.name: lab.work(path.read_text()) for path in (course / "lab").glob("*.ipynb")}
    assert after == before
    assert list((course / "lab").glob("*.md")) == []


def url(server: subprocess.Popen[bytes], folder: Path) -> str:
    """Where the server answers, once it does."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and server.poll() is None:
        for file in folder.glob("jpserver-*.json"):
            try:
                address: str = json.loads(file.read_text())["url"]
                call(f"{address}api/status", "GET")
            except (ValueError, urllib.error.URLError):
                continue
            return address
        time.sleep(0.2)
    raise TimeoutError(f"expected a server within {SECONDS} s, got none")


def call(address: str, method: str, body: object = None) -> dict[str, object]:
    headers = {"Authorization": "token t", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(address, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, object] = json.load(answer)
    return found


@pytest.mark.slow
def test_ctrl_s_on_the_pair_itself_is_the_change_that_the_advice_undoes(course: Path):
    """Kills: a pair that JupyterLab wrote anew, and of which `make check` says nothing."""
    md = course / "notebooks" / "01_bayes.md"
    assert pairs.advice(md) == ""
    manager = TextFileContentsManager(root_dir=str(md.parent))
    model = manager.get("01_bayes.ipynb")
    manager.save(model, "01_bayes.ipynb")
    assert "notebooks/01_bayes.md" in git(course, "status", "--porcelain")
    line = pairs.advice(md)
    assert "JupyterLab saved the pair" in line
    subprocess.run(shlex.split(re.search(r"`(git [^`]+)`", line)[1]), cwd=course, check=True)
    assert git(course, "status", "--porcelain") == ""
    assert pairs.advice(md) == ""


@pytest.mark.slow
def test_an_edited_copy_survives_a_newer_version_and_make_clean(course: Path, monkeypatch, capsys):
    """Kills: students' work in what `make clean` removes; silence about where the new one is."""
    file = course / "lab" / "assignment-01_bayes.ipynb"
    mine = notebook("# Assignment", "my answer")
    file.write_text(mine)
    newer = nbformat.reads(notebook("# Assignment", "corrected"), as_version=4)
    monkeypatch.setattr(lab, "renditions", lambda _: [(file.stem, newer)])
    monkeypatch.chdir(course)
    lab.main()
    assert "a newer version is in lab/assignment-01_bayes-2.ipynb" in capsys.readouterr().out
    subprocess.run(["make", "clean"], check=True, capture_output=True)
    assert file.read_text() == mine
    assert (course / "lab" / "assignment-01_bayes-2.ipynb").exists()


def test_the_myst_extension_fits_this_jupyterlab():
    """Kills: a JupyterLab pinned past what jupyterlab-myst supports; it then stays silent."""
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = done.stdout + done.stderr
    (line,) = [line for line in said.splitlines() if "jupyterlab-myst v" in line]
    assert "enabled" in line
    assert "OK" in line
    assert "not compatible" not in said
