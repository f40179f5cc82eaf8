"""Tells the programs of a moved .venv where it is: ``python -m tools.relocate``.

pip, jupyter and the like name their Python by its whole path, and so does `activate`. In a folder
that was renamed they do not run; in a copied one they would run the original. It also forgets the
packages of which an interrupted set-up left a half, which pip and uv would believe to be there.
"""

import csv
import re
import shutil
import sysconfig
from pathlib import Path

PROGRAMS = Path(".venv/bin")
# its first line, or its second where the path is too long for one; .venv may have been venv, or env
OLD = re.compile(rb"""^(?:#!|'''exec' ["']?)(/.*/[^/\n]*env[^/\n]*)/bin/python""", re.MULTILINE)
# a first line that Linux does not run, with a space or of more than 127 bytes, and what it does run
UNFIT = re.compile(rb"\A#!((?=[^\n]* |[^\n]{126})/[^\n]*/\.venv/bin/python[\d.]*)\n")
LONG = b"#!/bin/sh\n'''exec' \"%b\" \"$0\" \"$@\"\n' '''\n"


def relocate(programs: Path) -> set[bytes]:
    """Puts the place of .venv where its programs name another.

    Args:
        programs: its folder bin. If it is a link, what counts is where it leads.

    Returns:
        The places that they named.
    """
    here = bytes(programs.resolve().parent)
    files = [file for file in programs.iterdir() if file.is_file() and not file.is_symlink()]
    texts = {file: text for file in files if b"\0" not in (text := file.read_bytes())}
    old = {match[1] for text in texts.values() for match in OLD.finditer(text)} - {here}
    for place in old:
        for file, text in texts.items():
            moved = text.replace(place, here)
            texts[file] = UNFIT.sub(lambda line: LONG % line[1], moved)
            if texts[file] != text:
                new = file.with_name(f"{file.name}.new")  # an interruption leaves the old one
                new.write_bytes(texts[file])
                new.chmod(file.stat().st_mode)
                new.replace(file)
    return old


def forget_halves(site: Path) -> set[str]:
    """Removes what says that a package is there, its dist-info, where a file of it is missing.

    Args:
        site: the folder site-packages.

    Returns:
        The names of those folders.
    """
    halves = {folder for folder in site.glob("*.dist-info") if not whole(folder)}
    for half in halves:
        shutil.rmtree(half)
    return {half.name for half in halves}


def whole(package: Path) -> bool:
    """Whether all files of a dist-info's list are there; what Python compiles may be missing."""
    record = package / "RECORD"
    rows = csv.reader(record.read_text("utf-8").splitlines()) if record.exists() else ()
    names = [row[0] for row in rows if row and not row[0].endswith(".pyc")]
    return bool(names) and all((package.parent / name).exists() for name in names)


if __name__ == "__main__":
    for half in sorted(forget_halves(Path(sysconfig.get_path("purelib")))):
        print(f"── half of {half} was there: it is installed anew")
    for place in sorted(relocate(PROGRAMS)):
        was = place.decode(errors="replace")
        print(f"── .venv was set up as {was}: its programs now know that it is here")
