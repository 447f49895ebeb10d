"""A channel as a value: where people are told, and of what."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from deployments.automations.kinds import About, Kind, Security
from interlock.errors import UsageError
from interlock.values import Value

PREFIX = "Interlock tells "
BLOCK = "interlock-notify-"
SLACK = re.compile(r"https://hooks\.slack(?:-gov)?\.com/services/\w+/\w+/\w+/?")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


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


class Channel(Value):
    """One place where people are told.

    Attributes:
        name: What it is called here; the kind, if there is only one of it.
        about: What is told there.
        to: The mailboxes, of a channel by e-mail.
        sender: The address that e-mails come from.
        paused: Whether one of its automations is.
    """

    name: Annotated[str, AfterValidator(_name)]
    kind: Kind
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


class MailServer(Value):
    """What e-mails are handed to.

    Attributes:
        port: Default: that of the security.
        user: As whom; None when the server asks nobody.
    """

    host: str
    port: int | None = None
    security: Security = Security.STARTTLS
    user: str | None = None
    password: SecretStr = SecretStr("")


def slack_address(url: SecretStr) -> SecretStr:
    """An address of an incoming webhook of Slack's; Prefect's block goes to no other host.

    Raises:
        UsageError: It is none.
    """
    if not SLACK.fullmatch(url.get_secret_value()):
        raise UsageError(
            "this is no address of an incoming webhook of Slack's",
            hint="it begins with https://hooks.slack.com/services/; for other places: interlock notify webhook",
        )
    return url


def webhook_address(url: SecretStr) -> SecretStr:
    """An address that something can be posted to.

    Raises:
        UsageError: It is none.
    """
    if not re.fullmatch(r"https?://[^\s{}]+", url.get_secret_value()):
        raise UsageError("the address of a webhook begins with https:// or http://, and has no blanks or braces")
    return url
