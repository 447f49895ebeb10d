"""Faults of a world's servers: which request goes wrong, and how; from a script, a file, or a seed."""

import json
import random
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from interlock.common.frozen_model import FrozenModel
from interlock.errors import UsageError

# The answers that a seed draws from, about as often as they happen: status, headers.
TROUBLES: tuple[tuple[int, Mapping[str, str]], ...] = (
    (500, {}),
    (502, {}),
    (503, {"retry-after": "0"}),
    (429, {"retry-after": "0"}),
    (403, {"retry-after": "0"}),
)


class Effect(StrEnum):
    """What happens to a request that meets a fault."""

    REFUSE = "refuse"  # answered with the status, and nothing is done
    LOSE = "lose"  # done, and then answered with the status
    DROP = "drop"  # the connection is closed, and nothing is done
    CUT = "cut"  # done, and then the connection is closed
    SLOW = "slow"  # done after some seconds
    RACE = "race"  # another user pushes a commit first, then it is done
    EXPIRE = "expire"  # the caller's token expires first
    STALE = "stale"  # the index keeps serving its old pages for some seconds


class InjectedFault(FrozenModel):
    """A fault of matching requests.

    Attributes:
        origin: The server: `api`, `uploads`, `git` or `index`; `*` for any.
        method: The HTTP method; `*` for any.
        path: A regular expression that is searched for in the path.
        skip: How many matching requests pass first.
        times: How many of the next ones it affects.
        status: For the effects that answer.
        seconds: For the effects that take time.
    """

    effect: Effect
    origin: str = "*"
    method: str = "*"
    path: str = ""
    skip: int = Field(default=0, ge=0)
    times: int = Field(default=1, ge=1)
    status: int = 502
    headers: Mapping[str, str] = {}
    seconds: float = 0.0

    def meets(self, origin: str, method: str, path: str) -> bool:
        """Whether a request matches."""
        return self.origin in {"*", origin} and self.method in {"*", method} and bool(re.search(self.path, path))


FAULTS = TypeAdapter(tuple[InjectedFault, ...])
FORM = 'for example: {"faults": [{"effect": "lose", "origin": "api", "method": "POST", "path": "/dispatches"}]}'


def read_faults(file: Path) -> tuple[InjectedFault, ...]:
    """The faults of a file: a list under the name `faults`, or in JSON the list alone.

    Raises:
        UsageError: The file can't be read, or contains something that is not a fault.
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
        key = ".".join(map(str, first["loc"]))
        hint = f"effects: {', '.join(Effect)}" if "effect" in first["loc"] else FORM
        raise UsageError(f"{file}: faults.{key}: {first['msg']}", hint=hint) from None
    except ValueError as error:  # also for a file that is not JSON, TOML or UTF-8
        raise UsageError(f"{file}: cannot be read: {error}", hint=FORM) from None


@dataclass
class _Pending:
    fault: InjectedFault
    skip: int
    times: int


class FaultScript:
    """The faults that are still to happen; each is counted down when it does."""

    def __init__(self, faults: Iterable[InjectedFault] = ()) -> None:
        self._pending: list[_Pending] = []
        self.add(*faults)

    def add(self, *faults: InjectedFault) -> None:
        """Add faults."""
        self._pending += [_Pending(fault, fault.skip, fault.times) for fault in faults]

    def clear(self) -> None:
        """Cancel all faults."""
        self._pending.clear()

    def take(self, origin: str, method: str, path: str) -> InjectedFault | None:
        """The fault for a request: the first that is due; all others that match count the request as passed."""
        met: InjectedFault | None = None
        for pending in self._pending:
            if pending.fault.meets(origin, method, path):
                if pending.skip:
                    pending.skip -= 1
                elif met is None:
                    met = pending.fault
                    pending.times -= 1
        self._pending = [pending for pending in self._pending if pending.times]
        return met


def seeded(seed: int, *, requests: int, count: int) -> tuple[InjectedFault, ...]:
    """Faults at random, the same ones for the same seed.

    Args:
        seed: Any number.
        requests: The number of requests among which they fall.
        count: The number of faults.
    """
    chance = random.Random(seed)  # noqa: S311  nothing is secret about it
    return tuple(_any_fault(chance, requests) for _ in range(count))


def _any_fault(chance: random.Random, requests: int) -> InjectedFault:
    effects: Sequence[Effect] = (Effect.REFUSE, Effect.LOSE, Effect.DROP, Effect.CUT)
    effect = chance.choice(effects)
    # GitHub answers with a rate limit before it does anything, so such a request was not done.
    status, headers = chance.choice(TROUBLES[:3] if effect is Effect.LOSE else TROUBLES)
    return InjectedFault(effect=effect, skip=chance.randrange(requests), status=status, headers=headers)
