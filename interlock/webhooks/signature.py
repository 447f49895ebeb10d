"""The signature of a body: HMAC-SHA256 over its bytes with one of the secrets, compared in constant time."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Self

from pydantic import ConfigDict, SecretStr, model_validator

from interlock.common.frozen_model import FrozenModel
from interlock.errors import TokenError
from interlock.webhooks.refusals import DeliveryRefusedError, Reason

HEADER = "x-hub-signature-256"
OLD_HEADER = "x-hub-signature"
SECRET = "INTERLOCK_WEBHOOK_SECRET"  # noqa: S105  the variable's name
PREVIOUS = "INTERLOCK_WEBHOOK_SECRET_OLD"
SHORTEST = 16
CURE = f"make one with: openssl rand -hex 32; set {SECRET} to it, and give it to the webhooks (docs/gateway.md)"


class Secrets(FrozenModel):
    """The valid secrets: the current one and, while webhooks are changed, the previous one."""

    model_config = ConfigDict(hide_input_in_errors=True)

    current: SecretStr
    previous: SecretStr | None = None

    @model_validator(mode="after")
    def _are_secrets(self) -> Self:
        for name, secret in ((SECRET, self.current), (PREVIOUS, self.previous)):
            if secret is not None and len(secret.get_secret_value().encode()) < SHORTEST:
                raise TokenError(f"{name} is too short to be a secret: under {SHORTEST} bytes", hint=CURE)
        return self

    def sign(self, body: bytes) -> str:
        """Sign a body, in the header's form."""
        return _signature(self.current, body)

    def have_signed(self, signature: str, body: bytes) -> bool:
        """Whether one of the secrets signed this body; every wrong signature takes the same time."""
        given = signature.encode("utf-8", "replace")
        every = (self.current, self.previous or self.current)
        matches = [hmac.compare_digest(_signature(secret, body).encode(), given) for secret in every]
        return any(matches)


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


def check(secrets: Secrets, signature: str, body: bytes) -> None:
    """Check that one of the secrets signed a body.

    Raises:
        DeliveryRefusedError: None of them did.
    """
    if not secrets.have_signed(signature, body):
        raise DeliveryRefusedError(Reason.FORGED)


def _signature(secret: SecretStr, body: bytes) -> str:
    return f"sha256={hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()}"
