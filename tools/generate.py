"""Makes what the book needs and git does not keep: MathJax and the generated tables.

`python -m tools.generate`, before each build; it writes only what changed.
"""

from pathlib import Path

from tools import (
    api,
    assignments,
    bench,
    devices,
    equations,
    gallery,
    mathjax,
    notation,
    timings,
)
from tools.site import write


def main() -> None:
    """Runs every step."""
    root = Path()
    mathjax.copy(mathjax.SOURCE, root / mathjax.TARGET)
    generated = root / "book" / "generated"
    for name, text in assignments.pages(root).items():
        write(generated / f"assignment-{name}.md", text)
    for name, text in api.pages(root).items():
        write(generated / f"{name}.md", text)
    write(generated / "notation.md", notation.page(root))
    write(generated / "equations.md", equations.page(root, equations.collect(root)))
    write(generated / "benchmarks.md", bench.page(root))
    write(generated / "timings.md", timings.page(root))
    write(generated / "gallery.md", gallery.page(root))
    write(generated / "devices.md", devices.page(root))


if __name__ == "__main__":
    main()
