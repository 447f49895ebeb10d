"""Signatures: HMAC-SHA256 with the secret of its sender, compared in constant time.

Theory of operation. The gateway has one master secret. A GitHub App's webhook, or an organisation's, has it too, since
it speaks for all repositories. Everybody else has a secret of its own, derived from the master secret by HMAC: one for
each repository's webhook, and another for each repository's workflow. A derived secret says nothing about the master
secret or about another derived one. So a signature proves which repository sent a delivery and by which door, and
`check_repository` refuses what one repository's secret says about another.

A signed POST of a workflow also has the time at which it was signed, inside the signature. An old one is refused, so a
copy can't be sent again after the ledger has forgotten the first.
"""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Self

from pydantic import ConfigDict, SecretStr, model_validator

from interlock.common.frozen_model import FrozenModel
from interlock.errors import TokenError
from interlock.model.delivery import Source
from interlock.webhooks.refusals import DeliveryRefusedError, Reason

HEADER = "x-hub-signature-256"
OLD_HEADER = "x-hub-signature"
TIME_HEADER = "x-interlock-timestamp"
# How far the time of a signature may be from the gateway's: the senders' retries and wrong clocks fit in.
WINDOW = timedelta(minutes=5)
SECRET = "INTERLOCK_WEBHOOK_SECRET"  # noqa: S105  the variable's name
PREVIOUS = "INTERLOCK_WEBHOOK_SECRET_OLD"
SHORTEST = 16
CURE = f"make one with: openssl rand -hex 32; set {SECRET} to it (docs/gateway.md)"


class Secrets(FrozenModel):
    """The master secrets: the current one and, while senders' secrets are changed, the previous one."""

    model_config = ConfigDict(hide_input_in_errors=True)

    current: SecretStr
    previous: SecretStr | None = None

    @model_validator(mode="after")
    def _are_secrets(self) -> Self:
        for name, secret in ((SECRET, self.current), (PREVIOUS, self.previous)):
            if secret is not None and len(secret.get_secret_value().encode()) < SHORTEST:
                raise TokenError(f"{name} is too short to be a secret: under {SHORTEST} bytes", hint=CURE)
        return self

    def derived(self, source: Source, repository: str) -> SecretStr:
        """The secret of one repository's webhook, or of its workflow.

        Args:
            source: The endpoint that it sends to.
            repository: As owner/name; upper and lower case are the same, as on GitHub.
        """
        return _derived(self.current, source, repository)

    def senders(self, source: Source, repositories: Collection[str]) -> Iterator[tuple[str | None, SecretStr]]:
        """Every valid secret of an endpoint, with the repository that has it; None for the master secret."""
        for master in filter(None, (self.current, self.previous)):
            if source is Source.GITHUB:
                yield None, master
            yield from ((repository, _derived(master, source, repository)) for repository in repositories)


def find_secrets(environ: Mapping[str, str]) -> Secrets | None:
    """Read the secrets from the environment; None when there are none.

    Raises:
        TokenError: A secret is too short, or only the previous one is set.
    """
    current, previous = (environ.get(name, "").strip() for name in (SECRET, PREVIOUS))
    if not current:
        if previous:
            raise TokenError(f"{PREVIOUS} is set, and {SECRET} is not", hint=CURE)
        return None
    return Secrets(current=SecretStr(current), previous=SecretStr(previous) if previous else None)


def read_signature(headers: Mapping[str, str]) -> str:
    """Read the signature of a delivery.

    Args:
        headers: The values by lower-case name.

    Raises:
        DeliveryRefusedError: The signature is missing, by SHA-1 alone, or malformed.
    """
    signature = headers.get(HEADER, "")
    if not signature:
        raise DeliveryRefusedError(Reason.SHA1_ONLY if headers.get(OLD_HEADER) else Reason.UNSIGNED)
    if not re.fullmatch(r"sha256=[0-9a-f]{64}", signature, re.ASCII):
        raise DeliveryRefusedError(Reason.FORGED)
    return signature


def read_time(headers: Mapping[str, str], now: datetime) -> str:
    """Read the time at which a plain POST was signed; only `check` proves it.

    Args:
        headers: The values by lower-case name.
        now: The time at which it arrived.

    Returns:
        The seconds since 1970, as they are in the header.

    Raises:
        DeliveryRefusedError: It has no time, or one too long ago or ahead.
    """
    text = headers.get(TIME_HEADER, "")
    if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
        raise DeliveryRefusedError(Reason.UNDATED)
    if abs(int(text) - now.timestamp()) > WINDOW.total_seconds():
        raise DeliveryRefusedError(Reason.STALE)
    return text


def dated(time: str, body: bytes) -> bytes:
    """What a plain POST signs: the time, a dot, and the body."""
    return f"{time}.".encode() + body


def sign(secret: SecretStr, message: bytes) -> str:
    """Sign a message, in the header's form."""
    return f"sha256={hmac.new(secret.get_secret_value().encode(), message, hashlib.sha256).hexdigest()}"


def check(
    secrets: Secrets, source: Source, repositories: Collection[str], signature: str, message: bytes
) -> str | None:
    """Find the sender that signed a message; every wrong signature takes the same time.

    Args:
        secrets: The master secrets.
        source: The endpoint that received it.
        repositories: Those of the family, as owner/name.
        signature: As its header says.
        message: The bytes that were signed.

    Returns:
        The repository whose own secret signed it; None when the master secret did.

    Raises:
        DeliveryRefusedError: None of them did.
    """
    given = signature.encode("utf-8", "replace")
    senders = [
        repository
        for repository, secret in secrets.senders(source, repositories)
        if hmac.compare_digest(sign(secret, message).encode(), given)
    ]
    if not senders:
        raise DeliveryRefusedError(Reason.FORGED)
    return senders[0]


def check_repository(signer: str | None, named: str | None) -> None:
    """Check that a repository's secret signed only what is about this repository.

    Args:
        signer: The repository whose secret it is; None for the master secret.
        named: The repository that the delivery is about, if any.

    Raises:
        DeliveryRefusedError: It is about another one.
    """
    if signer is not None and named is not None and signer.lower() != named.lower():
        raise DeliveryRefusedError(Reason.FOREIGN)


def _derived(master: SecretStr, source: Source, repository: str) -> SecretStr:
    label = f"interlock webhook secret 1\n{source.value}\n{repository.lower()}"
    return SecretStr(hmac.new(master.get_secret_value().encode(), label.encode(), hashlib.sha256).hexdigest())
