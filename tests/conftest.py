"""Fixtures that every test gets: float64, a seeded generator, and a watch on the global state."""

from collections.abc import Iterator

import matplotlib as mpl
import pytest
import torch
from torch import Generator

mpl.use("Agg")
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=0, help="seed of the `generator` fixture")


@pytest.fixture
def generator(request: pytest.FixtureRequest) -> Generator:
    return torch.Generator().manual_seed(request.config.getoption("--seed"))


@pytest.fixture(autouse=True)
def _global_state_untouched() -> Iterator[None]:
    before, dtype = torch.random.get_rng_state(), torch.get_default_dtype()
    yield
    assert torch.equal(before, torch.random.get_rng_state()), "moved torch's global random state"
    assert torch.get_default_dtype() == dtype, "changed the default dtype"
