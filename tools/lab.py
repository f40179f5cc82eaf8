"""Makes the working copy that `make lab` opens: chapters as plain notebooks, and the assignments.

``python -m tools.lab`` writes them into lab/, which git ignores and `make clean` leaves alone. A
notebook in which a cell was changed is never overwritten: a newer version is put beside it, as
01_bayes-2.ipynb. Outputs count as nobody's work, since running the cells brings them back.
"""

import base64
import hashlib
import json
import mimetypes
import re
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from coursepkg.files import write_whole
from tools import assignments, launch
from tools.site import repository_url, site_url

LAB = Path("lab")
MADE = ".made.json"  # beside the notebooks: what this program wrote last into each


def work(text: str) -> str:
    """A hash of what a student may have changed in a notebook: the kinds and sources of its cells.

    Where the text is no notebook, of all of it.
    """
    try:
        cells = json.loads(text)["cells"]
        text = json.dumps([(cell["cell_type"], "".join(cell["source"])) for cell in cells])
    except (ValueError, LookupError, TypeError):
        pass
    return hashlib.sha256(text.encode()).hexdigest()


def place(folder: Path, name: str, text: str, made: dict[str, str]) -> str:
    """Writes a notebook into the first of NAME.ipynb, NAME-2.ipynb … that nobody has changed.

    Args:
        folder: of the working copy.
        name: of the notebook, without suffix.
        text: the notebook.
        made: the `work` of what was written last, by file; is brought up to date.

    Returns:
        The name of the file, or nothing if this version was put somewhere before.
    """
    for number in count(1):
        file = folder / f"{name}{'' if number == 1 else f'-{number}'}.ipynb"
        known = made.get(file.name)
        if known == work(text) and (file.exists() or number > 1):
            return ""
        if not file.exists() or work(file.read_text("utf8")) == known:
            write_whole(file, text)
            made[file.name] = work(text)
            return file.name
    raise AssertionError


def renditions(root: Path) -> Iterator[tuple[str, launch.Notebook]]:
    """The chapters as they are launched, and the released assignments, by name."""
    with tempfile.TemporaryDirectory() as temporary:
        launch.main(Path(temporary))
        chapters = sorted(Path(temporary).glob("notebooks/*.ipynb"))
        downloads = sorted((root / assignments.DOWNLOADS).glob(assignments.download("*.ipynb")))
        for file in [*chapters, *downloads]:
            yield file.stem, launch.read(file)


def settle(notebook: launch.Notebook, root: Path) -> launch.Notebook:
    """A rendition made at home: nothing to install, links and pictures that need no network."""
    cells = [cell for cell in notebook["cells"] if cell["id"] != "install"]
    for cell in cells:
        if cell["cell_type"] == "markdown":
            chapter = rf"\({re.escape(site_url(root))}/notebooks/(\w+)\.html(#[^)\s]*)?\)"
            cell["source"] = re.sub(chapter, r"(\1.ipynb)", cell["source"])
            _embed(cell, root)
        elif "hide-input" in cell["metadata"].get("tags", []):
            cell["metadata"]["jupyter"] = {"source_hidden": True}
    return notebook | {"cells": cells}


def _embed(cell: launch.Cell, root: Path) -> None:
    """Puts the repository's pictures into the cell itself."""
    picture = re.compile(rf"\({re.escape(repository_url(root))}/raw/main/([^)\s]+)\)")
    for path in picture.findall(cell["source"]):
        kind = mimetypes.guess_type(path)[0] or "image/png"
        data = base64.b64encode((root / path).read_bytes()).decode()
        cell.setdefault("attachments", {})[Path(path).name] = {kind: data}
    cell["source"] = picture.sub(
        lambda found: f"(attachment:{Path(found[1]).name})", cell["source"]
    )


def main(root: Path = Path()) -> None:
    """Makes or renews the working copy, and says what it left alone."""
    folder = root / LAB
    folder.mkdir(exist_ok=True)
    record = folder / MADE
    made = json.loads(record.read_text("utf8")) if record.exists() else {}
    for name, notebook in renditions(root):
        text = json.dumps(settle(notebook, root), indent=1, ensure_ascii=False) + "\n"
        written = place(folder, name, text, made)
        if written not in {"", f"{name}.ipynb"}:
            print(f"lab: you changed {name}.ipynb, so a newer version is in {LAB / written}")
        write_whole(record, json.dumps(made, indent=1))
    print(f"lab: your copy is in {LAB}; git ignores it, `make clean` leaves it alone")


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        raise SystemExit(f"lab: {error}") from None
