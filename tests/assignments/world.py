"""A sandbox that does what a cell's text says, for tests of what the grader makes of that.

Statements stand between semicolons; one that begins with ``def`` defines. ``die``, ``hang``,
``raise``, ``slow``, ``late``, ``leave`` (a process running) happen where they are written.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assignments.grader import cells as module
from assignments.grader import proxy
from assignments.grader.master import read_master
from assignments.grader.namespaces import Isolation
from assignments.grader.plain import encode
from assignments.grader.proxy import Session
from assignments.grader.sandbox import Died, Hung
from tests.assignments.notebook import TINY

MASTER = replace(read_master(TINY), seconds=12.0)  # two functions: 4 s each, and 6 s for the cells
SHARE, CELLS = 4.0, 6.0


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


class World:
    """The workers that were started, and what functions will answer."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.workers: list[Fake] = []
        self.replies: dict[str, list[Any]] = {}
        patch.setattr(module, "Sandbox", lambda *arguments: Fake(self, arguments[-1]))
        patch.setattr(module, "clock", self.clock)
        patch.setattr(proxy, "clock", self.clock)

    def session(self, *cells: str, deadline: float = math.inf) -> Session:
        return Session(Isolation("none"), Path("nowhere"), MASTER, list(cells), deadline=deadline)

    def ran(self) -> list[list[str]]:
        """What each worker ran, statement by statement."""
        return [[text for text, seconds in worker.steps if seconds] for worker in self.workers]


class Fake:
    """A worker that does as it is told."""

    def __init__(self, world: World, limits: Any) -> None:
        self.world = world
        self.limits = limits
        self.printed = bytearray()
        self.headers: list[dict[str, Any]] = []
        self.seconds: list[float] = []  # for each request
        self.steps: list[tuple[str, float]] = []
        self.source = ""
        self.left = self.closed = False
        world.workers.append(self)

    def setup(self, sources: list[str]) -> None:
        assert sources == list(MASTER.setup)

    def request(self, header: Any, payload: bytes, *, seconds: float) -> tuple[Any, bytes]:
        assert not self.closed
        self.headers.append(header)
        self.seconds.append(seconds)
        match header["op"]:
            case "read":
                self.source = header["source"]
                if "odd" in self.source:
                    return {"value": 7}, b""
                return {"value": [x.startswith("def") for x in self.source.split(";")]}, b""
            case "step":
                text = self.source.split(";")[header["index"]]
                self.steps.append((text, header["seconds"]))
                return self.step(text, header["seconds"]) if header["seconds"] else ({}, b"")
            case "finish":
                return {"value": "x" if "odd" in self.source else 5}, b""
        reply = self.world.replies[header["name"]].pop(0)
        if callable(reply):
            reply = reply(self)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, tuple) else (reply, b"")

    def step(self, text: str, seconds: float) -> tuple[Any, bytes]:
        self.printed += text.encode()
        if "die" in text:
            raise Died("it ended its process")
        if "hang" in text:
            self.world.clock.time += self.seconds[-1]
            raise Hung("no answer")
        wanted = 9e9 if "late" in text else 1.5 if "slow" in text else 0.0
        self.world.clock.time += min(wanted, seconds)
        self.left = self.left or "leave" in text
        if wanted > seconds:
            return error("out of time"), b""
        if "raise" in text:
            return {"error": {"kind": "KeyError", "message": "m" * 999}}, b""
        return {"value": None}, b""

    def left_running(self) -> bool:
        return self.left

    def close(self) -> None:
        self.closed = True


def value(what: object) -> tuple[Any, bytes]:
    tree, payload = encode(what)
    return {"value": tree}, payload


def error(kind: object, message: object = "m") -> dict[str, Any]:
    return {"error": {"kind": kind, "base": kind, "message": message, "traceback": "T"}}


def takes(seconds: float, reply: Any) -> Any:
    def answer(fake: Fake) -> Any:
        fake.world.clock.time += seconds
        return reply

    return answer
