"""What the tests of commands share."""

import importlib
import sys

import pytest
import torch


@pytest.fixture
def float32():
    """Models train in float32, as they do when a command runs."""
    torch.set_default_dtype(torch.float32)
    yield
    torch.set_default_dtype(torch.float64)


@pytest.fixture
def planted(tmp_path_factory, monkeypatch):
    """Plants a family's file in a package, as a contributor would; gone after the test."""
    folder = tmp_path_factory.mktemp("families")

    def plant(package, name, source):
        (folder / f"{name}.py").write_text(source)
        if str(folder) not in package.__path__:
            monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        importlib.invalidate_caches()
        planted_names.append((package, name))

    planted_names = []
    yield plant
    for package, name in planted_names:
        sys.modules.pop(f"{package.__name__}.{name}", None)
        vars(package).pop(name, None)
