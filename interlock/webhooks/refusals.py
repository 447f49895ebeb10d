"""The reasons to refuse a delivery, each with its HTTP status and a hint for the sender."""

from enum import StrEnum

from interlock.errors import RefusedError


class Reason(StrEnum):
    """Why a delivery is refused."""

    UNSIGNED = "unsigned"
    SHA1_ONLY = "sha1-only"
    FORGED = "forged"
    FOREIGN = "foreign"
    SHARED = "shared"
    UNDATED = "undated"
    STALE = "stale"
    MEDIA_TYPE = "media-type"
    FORM = "form"
    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    GONE = "gone"
    HEADERS = "headers"
    MALFORMED = "malformed"
    BUSY = "busy"

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return _ANSWERS[self][0]


_ANSWERS: dict[Reason, tuple[int, str, str]] = {
    Reason.UNSIGNED: (
        401,
        "the delivery is not signed",
        "give the sender its secret: interlock webhook-secret; see docs/gateway.md",
    ),
    Reason.SHA1_ONLY: (
        401,
        "the delivery is signed by SHA-1 alone, which proves nothing any more",
        "send X-Hub-Signature-256, as GitHub does by itself",
    ),
    Reason.FORGED: (
        403,
        "the signature is not of this body and any of the senders' secrets",
        "give the sender its own secret (interlock webhook-secret), and sign what is sent, byte for byte",
    ),
    Reason.FOREIGN: (
        403,
        "the delivery is about another repository than the one whose secret signed it",
        "give each repository its own secret: interlock webhook-secret",
    ),
    Reason.SHARED: (
        403,
        "a repository's webhook has the gateway's master secret, which counts for an App or an organisation",
        "give the webhook the secret of its repository: interlock webhook-secret",
    ),
    Reason.UNDATED: (
        401,
        "the POST does not say when it was signed",
        "send the seconds since 1970 as X-Interlock-Timestamp, and sign them with the body; see docs/gateway.md",
    ),
    Reason.STALE: (
        401,
        "the POST was signed more than five minutes before or after the gateway's time",
        "sign it when it is sent, and set the clocks of both machines",
    ),
    Reason.MEDIA_TYPE: (415, "the body is not said to be JSON", "send it with content-type: application/json"),
    Reason.FORM: (
        415,
        "the body is a form",
        "in the webhook's settings on GitHub, choose the content type application/json",
    ),
    Reason.TOO_LARGE: (413, "the body is larger than any that GitHub sends", "send less than 25 MB"),
    Reason.TOO_SLOW: (408, "the body did not come within its time", "send it again"),
    Reason.GONE: (400, "the sender went away before all of the body was here", "send it again"),
    Reason.HEADERS: (
        400,
        "the delivery does not say what it is",
        "send X-GitHub-Event with the event's name, and X-GitHub-Delivery with a GUID",
    ),
    Reason.MALFORMED: (400, "the body is not what it should be", "see docs/gateway.md for its fields"),
    Reason.BUSY: (503, "the gateway can't keep the delivery just now", "send it again; GitHub's are swept up hourly"),
}


class DeliveryRefusedError(RefusedError):
    """A delivery that is refused; nothing of it is kept.

    Args:
        reason: The reason.
        detail: More than the reason says, if anything; never text of a stranger.
    """

    def __init__(self, reason: Reason, detail: str | None = None) -> None:
        _status, message, hint = _ANSWERS[reason]
        super().__init__(f"{message}: {detail}" if detail else message, hint=hint)
        self.reason = reason
