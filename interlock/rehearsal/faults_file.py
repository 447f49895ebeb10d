"""Files of faults, as a person writes them: JSON or TOML."""

import json
import tomllib
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from interlock.errors import UsageError
from interlock.rehearsal.faults import Effect, Fault

FAULTS = TypeAdapter(tuple[Fault, ...])
FORM = 'for example: {"faults": [{"effect": "lose", "origin": "api", "method": "POST", "path": "/dispatches"}]}'


def read_faults(file: Path) -> tuple[Fault, ...]:
    """The faults of a file: a list under the name `faults`, or in JSON the list alone.

    Raises:
        UsageError: It can't be read, or says something that is no fault.
    """
    try:
        said = tomllib.loads(file.read_text("utf-8")) if file.suffix == ".toml" else json.loads(file.read_bytes())
        return FAULTS.validate_python(said["faults"] if isinstance(said, dict) else said)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except KeyError:
        raise UsageError(f"{file}: names no faults", hint=FORM) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        hint = f"effects: {', '.join(Effect)}" if "effect" in first["loc"] else FORM
        raise UsageError(f"{file}: faults.{place}: {first['msg']}", hint=hint) from None
    except ValueError as error:  # also what is no JSON, no TOML, or not UTF-8
        raise UsageError(f"{file}: cannot be read: {error}", hint=FORM) from None
