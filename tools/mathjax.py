"""Copies MathJax from its PyPI package beside the book, so that no page asks a third party.

`python -m tools.mathjax`
"""

import shutil
from importlib.metadata import distribution
from pathlib import Path

SOURCE = Path(str(distribution("sphinx-mathjax-offline").locate_file("sphinx-mathjax-offline")))
TARGET = Path("book/_static/mathjax")
# the bundle, its fonts, and what TeX macros and MathJax's own menu may load later
PARTS = (
    "tex-mml-chtml.js",
    "output/chtml/fonts/woff-v2/*",
    "input/tex/extensions/*",
    "a11y/*",
    "sre/mathmaps/en.js*",
    "sre/mathmaps/base.js*",
)


def copy(source: Path, target: Path) -> int:
    """Copies the parts that are missing or differ in size; returns how many."""
    files = [file for part in PARTS for file in sorted((source / "static/mathjax").glob(part))]
    if not files:
        raise FileNotFoundError(f"expected MathJax under {source}, found none")
    copied = 0
    for file in files:
        new = target / file.relative_to(source / "static/mathjax")
        if not new.exists() or new.stat().st_size != file.stat().st_size:
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, new)
            copied += 1
    return copied


if __name__ == "__main__":
    print(f"mathjax: {copy(SOURCE, TARGET)} files copied")
