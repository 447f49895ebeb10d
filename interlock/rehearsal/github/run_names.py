"""The titles of workflow runs: `run-name` with its expressions filled in, as far as titles use them."""

import json
import re
from collections.abc import Mapping
from typing import Any

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
LONGEST = 300


def filled(template: str, context: Mapping[str, Any]) -> str:
    """A template with each `${{ … }}` replaced: paths, literals, `||`, `toJSON(…)`; what is unknown is empty."""
    text = EXPRESSION.sub(lambda found: _text(_value(found[1], context)), template)
    return " ".join(text.split())[:LONGEST]


def _value(expression: str, context: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON
    found: Any = None
    for operand in expression.split("||"):
        found = _operand(operand.strip(), context)
        if found not in (None, "", False, 0):
            break
    return found


def _operand(text: str, context: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    function = re.fullmatch(r"toJSON\((.*)\)", text, re.IGNORECASE)
    if function:
        return json.dumps(_operand(function[1].strip(), context), indent=2)
    found: Any = context
    for name in re.sub(r"\[\s*'([^']*)'\s*\]", r".\1", text).split("."):
        found = _member(found, name)
    return found


def _member(value: object, name: str) -> object:
    """A member by its name, whose upper and lower case are the same to GitHub."""
    if not isinstance(value, Mapping):
        return None
    return next((found for key, found in value.items() if str(key).lower() == name.lower()), None)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return "Object" if isinstance(value, dict) else "Array"
    return str(value)
