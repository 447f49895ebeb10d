"""A notification channel as a value: where people are notified, and of what."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from interlock.common.frozen_model import FrozenModel
from interlock.errors import UsageError

PREFIX = "Interlock tells "
BLOCK = "interlock-notify-"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class About(StrEnum):
    """The subjects of notifications."""

    FAILURES = "failures"
    HELD = "held"
    TOKENS = "tokens"
    MATRIX = "matrix"
    CONTRACTS = "contracts"


def _name(text: str) -> str:
    if not NAME.fullmatch(text) or len(text) > 40:
        raise UsageError(
            f'"{text}" can\'t be the name of a channel', hint="small letters, digits and hyphens, as: slack-on-call"
        )
    return text


def _mailbox(text: str) -> str:
    """Exactly one mailbox: no further header, and no second address."""
    local, at, host = text.partition("@")
    if not (local and at and host) or any(each.isspace() or each in ',;<>{}"' for each in text):
        raise UsageError(f'"{text}" is no address of a mailbox', hint="as: releases@example.org")
    return text


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class Channel(FrozenModel):
    """A channel by which people are notified.

    Attributes:
        name: Its name; by default its kind.
        kind: One of `channels.KINDS`.
        about: The subjects that are sent to it.
        to: The recipients, for e-mail.
        sender: The sender's address, for e-mail.
        paused: Whether one of its automations is paused.
    """

    name: Annotated[str, AfterValidator(_name)]
    kind: str
    about: frozenset[About] = Field(default=frozenset(About))
    to: tuple[Mailbox, ...] = ()
    sender: Mailbox | None = None
    paused: bool = False

    @property
    def block(self) -> str:
        """The name of its block document."""
        return f"{BLOCK}{self.name}"

    @property
    def prefix(self) -> str:
        """The prefix of its automations' names."""
        return f"{PREFIX}{self.name} ({self.kind})"
