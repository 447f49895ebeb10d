"""Contracts of a few lines of Python, exported in this process: as quick as the comparison that they are for."""

import json
import linecache
import sys
import textwrap
from types import ModuleType

from interlock.contracts.schema import ContractSchema, Element
from interlock.contracts.schema.exporter import Exporter, text

NAME = "tiny_contract"


def contract(source: str, *, unreadable: dict[str, str] | None = None) -> ContractSchema:
    """The contract of a module of this source."""
    module = ModuleType(NAME)
    sys.modules[NAME] = module
    try:
        linecache.cache.pop(f"<{NAME}>", None)
        exec(compile(textwrap.dedent(source), f"<{NAME}>", "exec"), vars(module))
        exporter = Exporter([NAME])
        exporter.collect([NAME])
        exported = json.loads(json.dumps(exporter.elements(), default=text))
    finally:
        del sys.modules[NAME]
    elements = tuple(Element.model_validate(element) for element in exported)
    return ContractSchema(package="tiny", version="1.0", elements=elements, unreadable=unreadable or {})
