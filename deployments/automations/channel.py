"""A channel as a value: where people are told, and of what."""

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
    """What somebody may want to be told of."""

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
    """No more than one mailbox: no header, and no second one."""
    local, at, host = text.partition("@")
    if not (local and at and host) or any(each.isspace() or each in ',;<>{}"' for each in text):
        raise UsageError(f'"{text}" is no address of a mailbox', hint="as: releases@example.org")
    return text


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class Channel(FrozenModel):
    """One place where people are told.

    Attributes:
        name: What it is called here; the kind, if there is only one of it.
        kind: By what people are told; one of `channels.KINDS`.
        about: What is told there.
        to: The mailboxes, of a channel by e-mail.
        sender: The address that e-mails come from.
        paused: Whether one of its automations is.
    """

    name: Annotated[str, AfterValidator(_name)]
    kind: str
    about: frozenset[About] = Field(default=frozenset(About))
    to: tuple[Mailbox, ...] = ()
    sender: Mailbox | None = None
    paused: bool = False

    @property
    def block(self) -> str:
        """The name of its block's document."""
        return f"{BLOCK}{self.name}"

    @property
    def prefix(self) -> str:
        """How the names of its automations begin."""
        return f"{PREFIX}{self.name} ({self.kind})"
