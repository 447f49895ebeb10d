"""What can be chosen about notices; nothing that takes long is imported here."""

from enum import StrEnum


class About(StrEnum):
    """What somebody may want to be told of."""

    FAILURES = "failures"
    HELD = "held"
    TOKENS = "tokens"
    MATRIX = "matrix"
    CONTRACTS = "contracts"


class Kind(StrEnum):
    """By what people are told."""

    SLACK = "slack"
    EMAIL = "email"
    WEBHOOK = "webhook"


class Security(StrEnum):
    """How a mail server is spoken to."""

    SSL = "ssl"
    STARTTLS = "starttls"
    INSECURE = "insecure"
