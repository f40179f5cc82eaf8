"""Randomness that can be repeated: every random function takes a `torch.Generator`."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator

from coursepkg.counts import check_generator, check_integers, check_sizes


def seeded(seed: int, *, device: torch.device | str = "cpu") -> Generator:
    """Returns a new generator on `device`, started from `seed`."""
    check_integers(seed=seed)
    return Generator(device=device).manual_seed(seed)


def draw_seed(generator: Generator) -> int:
    """Draws a seed from `generator` for a library that wants an integer; 0 <= seed < 2^31."""
    check_generator(generator)
    return int(
        torch.randint(2**31, (), generator=generator, device=generator.device, dtype=torch.int64)
    )


def spawn(generator: Generator, *, stream: int = 0, device: torch.device | str) -> Generator:
    """Starts a new generator on `device` from one draw of `generator`.

    Processes that hold equal generators and pass different streams (their rank, say) get
    different, repeatable noise, and their own generators stay equal.
    """
    check_sizes(stream=stream)
    return seeded(draw_seed(generator) + 2**31 * stream, device=device)


@contextmanager
def global_state_from(generator: Generator) -> Iterator[None]:
    """Lets code that knows only torch's global state draw from `generator` instead.

    For dropout and for the default initialisation of `nn.Linear` and its kin. The global state is
    forked and restored; outside only `generator` has moved, by one draw.
    """
    seed = draw_seed(generator)
    on_gpu = generator.device.type == "cuda"
    with torch.random.fork_rng(devices=[generator.device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(generator.device):
                torch.cuda.manual_seed(seed)
        yield
