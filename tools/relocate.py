"""Tells the programs of a moved .venv where it is: ``python -m tools.relocate``.

pip, jupyter and the like name their Python by its whole path, and so does `activate`. In a folder
that was renamed they do not run; in a copied one they would run the original.
"""

import re
from pathlib import Path

PROGRAMS = Path(".venv/bin")
# its first line, or its second where the path is too long for one; .venv may have been venv, or env
OLD = re.compile(rb"""^(?:#!|'''exec' ["']?)(/.*/[^/\n]*env[^/\n]*)/bin/python""", re.MULTILINE)


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
            texts[file] = text.replace(place, here)
            if texts[file] != text:
                new = file.with_name(f"{file.name}.new")  # an interruption leaves the old one
                new.write_bytes(texts[file])
                new.chmod(file.stat().st_mode)
                new.replace(file)
    return old


if __name__ == "__main__":
    for place in sorted(relocate(PROGRAMS)):
        was = place.decode(errors="replace")
        print(f"── .venv was set up as {was}: its programs now know that it is here")
