"""Each sub-package's face names what it offers, and a name means one thing in the whole package."""

import ast
import importlib
from collections import defaultdict
from importlib import metadata
from pathlib import Path

import pytest

import coursepkg
from coursepkg.models.rbm import RBM, binary, learning, train

FOLDER = Path(coursepkg.__file__).parent
FACES = sorted(
    ".".join(("coursepkg", *face.parent.relative_to(FOLDER).parts))
    for face in FOLDER.rglob("__init__.py")
)
# No face stands before these: what lies in them in one file is imported from that file.
OPEN = {"coursepkg", "coursepkg.models"}
# What the two training loops are made of: nobody who trains asks for it.
BEHIND = {f"coursepkg.training.{m}" for m in ("checkpoint", "epochs")} | {
    "coursepkg.training.history.Record"
}
# The lecture's interface once more, on purpose: read beside `rbm.learning`, imported by its path.
TWINS = {"coursepkg.models.rbm.lecture"}


def public(module: Path, kind: type[ast.stmt]) -> set[str]:
    """Names without underscore that a module defines at its top."""
    nodes = (node for node in ast.parse(module.read_text("utf8")).body if isinstance(node, kind))
    return {node.name for node in nodes if not node.name.startswith("_")}


def modules() -> dict[str, Path]:
    """All modules but the faces, by full name."""
    files = (file for file in FOLDER.rglob("*.py") if file.name != "__init__.py")
    return {
        ".".join(("coursepkg", *file.relative_to(FOLDER).with_suffix("").parts)): file
        for file in files
    }


def twice(names: dict[str, set[str]]) -> dict[str, list[str]]:
    """The names that more than one module defines, with those modules."""
    owners = defaultdict(list)
    for module, defined in sorted(names.items()):
        for name in defined:
            owners[name].append(module)
    return {name: found for name, found in owners.items() if len(found) > 1}


@pytest.mark.parametrize("name", FACES)
def test_a_face_says_what_it_is_for_and_what_it_offers(name: str):
    """Kills: a name in `__all__` that is not there, an import that `__all__` forgets."""
    face = importlib.import_module(name)
    assert face.__doc__
    if name in OPEN:
        return
    imported = {
        alias.asname or alias.name
        for node in ast.parse(Path(face.__file__).read_text("utf8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(face.__all__) == imported
    assert len(face.__all__) == len(imported)
    assert [offered for offered in face.__all__ if offered.startswith("_")] == []
    assert [offered for offered in face.__all__ if not hasattr(face, offered)] == []


def test_every_public_class_is_in_its_face():
    """Kills: a model that a reader of the face does not find."""
    hidden = {
        f"{module}.{name}"
        for module, file in modules().items()
        if (package := module.rpartition(".")[0]) not in OPEN and module not in TWINS
        for name in public(file, ast.ClassDef)
        if name not in importlib.import_module(package).__all__
    }
    assert {name for name in hidden if BEHIND.isdisjoint((name, name.rpartition(".")[0]))} == set()


def test_a_class_name_means_one_thing():
    """Kills: a second `Exact`, `Proposal`, `Conditional`, `GaussianMixture` or `Checkerboard`."""
    assert twice({m: public(file, ast.ClassDef) for m, file in modules().items()}) == {}


def test_a_function_name_means_one_thing_but_for_the_twin():
    """Kills: a second `train`; and a twin that is no longer one stays on the list."""
    names = {m: public(file, ast.FunctionDef) for m, file in modules().items()}
    shared = twice(names)
    assert shared == {"train": ["coursepkg.models.rbm.learning", "coursepkg.models.rbm.lecture"]}


def test_nothing_inside_the_package_imports_through_a_face():
    """Kills: a circle that is hidden behind an `__init__`."""
    through = {
        f"{module}: from {node.module}"
        for module, file in modules().items()
        for node in ast.walk(ast.parse(file.read_text("utf8")))
        if isinstance(node, ast.ImportFrom) and node.module in set(FACES) - OPEN
        if any(f"{node.module}.{alias.name}" not in modules() for alias in node.names)
    }
    assert through == set()


def test_the_package_says_its_version():
    """Kills: a version that the installed metadata contradicts."""
    assert metadata.version("coursepkg") == coursepkg.__version__


def test_a_chapter_imports_a_family_in_one_line():
    """Kills: a face whose `train` is the twin's."""
    assert RBM is binary.RBM
    assert train is learning.train
