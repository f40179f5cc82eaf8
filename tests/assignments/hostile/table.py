"""Every hostile submission, by kind."""

from tests.assignments.hostile import (
    cheating,
    closed,
    dying,
    forging,
    hooking,
    mangled,
    reading,
    writing,
)
from tests.assignments.hostile.notebooks import Case

KINDS: dict[str, list[Case]] = {
    "patching the tests' tools": cheating.PATCHING,
    "looking for the answers": cheating.LOOKING,
    "poisoned values": cheating.VALUES,
    "forged replies": forging.FORGING,
    "hooks that stay": hooking.HOOKING,
    "dying": dying.DYING,
    "hanging": dying.HANGING,
    "using up the machine": dying.HOGGING,
    "reading what is hidden": reading.READING,
    "what is closed": closed.CLOSED,
    "network": reading.NETWORK,
    "writing outside": writing.WRITING,
    "broken files": mangled.FILES,
    "mangled cells": mangled.CELLS,
    "names and links": mangled.NAMES,
}
CASES = [case for cases in KINDS.values() for case in cases]
