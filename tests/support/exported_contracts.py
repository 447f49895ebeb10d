"""Contracts of a few lines of Python, exported in this process: as quick as the comparison that they are for."""

import json
import linecache
import sys
import textwrap
from types import ModuleType

from interlock.contracts.schema import ContractSchema
from interlock.contracts.schema.export import parse
from interlock.contracts.schema.exporter import Exporter, text

NAME = "tiny_contract"


def contract(source: str, *, unreadable: dict[str, str] | None = None) -> ContractSchema:
    """The contract of a module of this source."""
    module = ModuleType(NAME)
    sys.modules[NAME] = module
    try:
        linecache.cache.pop(f"<{NAME}>", None)
        exec(compile(textwrap.dedent(source), f"<{NAME}>", "exec"), vars(module))
        lines: list[str] = []
        exporter = Exporter([NAME], lambda **fact: lines.append(json.dumps(fact, default=text)))
        exporter.collect([NAME])
        exporter.describe()
    finally:
        del sys.modules[NAME]
    facts = parse(lines)
    elements = tuple(sorted(facts.elements, key=lambda element: element.name))
    found = {**facts.unreadable, **(unreadable or {})}
    return ContractSchema(package="tiny", version="1.0", elements=elements, unreadable=found)
