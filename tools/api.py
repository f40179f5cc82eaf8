"""Writes the entries of the API pages from the package itself, so that nobody keeps a list.

A face is the `__init__` of a sub-package: its docstring says what the sub-package is for, and the
names that it imports are what the sub-package offers. Everything here reads source and runs none.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

# The packages of each page in order; whatever lies below one that stands here follows it there.
PAGES = {
    "api": ("coursepkg", "coursepkg.training", "coursepkg.evaluation", "coursepkg.objectives"),
    "api-data": ("coursepkg.data", "coursepkg.nets", "coursepkg.bayes", "coursepkg.plotting"),
    "api-sampling": ("coursepkg.samplers", "coursepkg.graphs", "coursepkg.games"),
    "api-models": ("coursepkg.models",),
}
PLACES = {package: (page, i) for page, group in PAGES.items() for i, package in enumerate(group)}


def place(name: str) -> tuple[str, int]:
    """The page on which a dotted name stands, and its group there: of its innermost package."""
    while name not in PLACES and "." in name:
        name = name.rpartition(".")[0]
    return PLACES.get(name, PLACES["coursepkg"])


def home(name: str, root: Path) -> str:
    """The full name of what a face offers: pkg.rbm.RBM is defined as pkg.rbm.binary.RBM."""
    package, _, last = name.rpartition(".")
    found = offers(package, root).get(last)
    return home(found, root) if found else name


def offers(package: str, root: Path) -> dict[str, str]:
    """What the face of a package imports from its own modules, by short name; else nothing."""
    face = root.joinpath(*package.split("."), "__init__.py")
    nodes = ast.parse(face.read_text("utf8")).body if face.is_file() else []
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}.")
        for alias in node.names
    }


def pages(root: Path) -> dict[str, str]:
    """The Markdown of each page: a section for each package, and in it one for each module."""
    faces = sorted((root / "coursepkg").rglob("__init__.py"))
    packages = [".".join(face.relative_to(root).parent.parts) for face in faces]
    text = dict.fromkeys(PAGES, "")
    for package in sorted(packages, key=place):  # a stable sort: by name within a place
        text[place(package)[0]] += "\n\n".join(_section(package, root)) + "\n\n"
    return text


def _section(package: str, root: Path) -> Iterator[str]:
    yield f"## `{package}`"
    yield _entries(package, "   :no-members:\n")
    if names := offers(package, root):
        links = (_link(short, home(name, root), root) for short, name in names.items())
        yield f"It offers {', '.join(links)}."
    for file in sorted(root.joinpath(*package.split(".")).glob("[!_]*.py")):
        yield f"### `{package}.{file.stem}`"
        yield _entries(f"{package}.{file.stem}")


def _entries(module: str, options: str = "") -> str:
    return f"```{{eval-rst}}\n.. automodule:: {module}\n{options}```"


def _link(short: str, name: str, root: Path) -> str:
    """A link to the entry of a class or function; constants have none."""
    module, _, last = name.rpartition(".")
    nodes = ast.parse(root.joinpath(*module.split(".")).with_suffix(".py").read_text("utf8")).body
    defined = (node for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef))
    return f"{{py:obj}}`{short} <{name}>`" if last in {n.name for n in defined} else f"`{short}`"
