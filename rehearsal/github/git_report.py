"""Packet lines of Git's protocol: parses a push, and puts GitHub's reasons into the report on it."""

from collections.abc import Iterator, Mapping

from rehearsal.github.pushes import Change

FLUSH = b"0000"
LARGEST = 65_515
HOOK = "hook declined"
TO_REPORT, TO_PERSON = b"\x01", b"\x02"


def packets(data: bytes) -> Iterator[bytes]:
    """The contents of the packet lines up to the first flush."""
    rest = data
    while len(rest) >= 4 and rest[:4] != FLUSH:
        length = int(rest[:4], 16)
        yield rest[4:length]
        rest = rest[max(length, 4) :]


def packet(content: bytes) -> bytes:
    """A packet line."""
    return f"{len(content) + 4:04x}".encode() + content


def commands(body: bytes) -> tuple[list[Change], bytes]:
    """The changes that a push requests, and the pack that follows them."""
    found, length = [], 0
    for content in packets(body):
        length += len(content) + 4
        line = content.split(b"\0")[0].decode().rstrip("\n")
        old, _, rest = line.partition(" ")
        new, _, ref = rest.partition(" ")
        if len(old) == 40 and ref:
            found.append(Change(ref, old, new))
    return found, body[length + len(FLUSH) :]


def with_reasons(report: bytes, reasons: Mapping[str, str]) -> bytes:
    """A report in which the refs that the hook declined have GitHub's reasons; others stay as they are.

    Args:
        report: The answer of `git receive-pack`, in a sideband.
        reasons: The reasons by ref.
    """
    bands = list(packets(report))
    inner = b"".join(content[1:] for content in bands if content[:1] == TO_REPORT)
    said = [packet(content) for content in bands if content[:1] == TO_PERSON]
    lines = [packet(_reasoned(line.decode(), reasons).encode()) for line in packets(inner)]
    if not lines:
        return report
    whole = b"".join(lines) + FLUSH
    parts = [whole[at : at + LARGEST] for at in range(0, len(whole), LARGEST)]
    return b"".join([*said, *(packet(TO_REPORT + part) for part in parts), FLUSH])


def _reasoned(line: str, reasons: Mapping[str, str]) -> str:
    verdict, _, rest = line.rstrip("\n").partition(" ")
    ref, _, why = rest.partition(" ")
    return f"ng {ref} {reasons[ref]}\n" if verdict == "ng" and why == HOOK and ref in reasons else line
