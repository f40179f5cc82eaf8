"""All cases of all families, found by looking into the folder."""

import importlib
import pkgutil

from tests.conformance import cases
from tests.conformance.case import Case

FAMILIES = [
    importlib.import_module(f"{cases.__name__}.{module.name}")
    for module in pkgutil.iter_modules(cases.__path__)
]
CASES: list[Case] = [case for family in FAMILIES for case in family.CASES]
CONDITIONAL = [case for case in CASES if case.condition is not None]
ORDINARY = [case for case in CASES if case.condition is None] + [c.given() for c in CONDITIONAL]
ELSEWHERE: dict[type, str] = {
    thing: where for family in FAMILIES for thing, where in getattr(family, "ELSEWHERE", {}).items()
}
