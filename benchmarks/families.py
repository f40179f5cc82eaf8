"""Families are files: what lies in a folder is found, and nobody keeps a list."""

import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType

import typer


def chosen(folder: ModuleType, names: Sequence[str]) -> dict[str, ModuleType]:
    """The modules of a package by name: those that are named, or all of them.

    Raises:
        typer.BadParameter: if there is no such module.
    """
    found = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    unknown = sorted(set(names) - set(found))
    if unknown:
        raise typer.BadParameter(f"expected some of {', '.join(found)}, got {', '.join(unknown)}")
    return {name: importlib.import_module(f"{folder.__name__}.{name}") for name in names or found}
