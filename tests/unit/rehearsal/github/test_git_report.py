"""Packet lines, and reports with reasons."""

from hypothesis import given
from hypothesis import strategies as st

from rehearsal.github.git_report import FLUSH, commands, packet, packets, with_reasons

A, B = "a" * 40, "b" * 40


@given(st.lists(st.binary(min_size=1, max_size=200)), st.binary())
def test_packets_are_what_was_packed_up_to_the_flush(contents: list[bytes], rest: bytes) -> None:
    assert list(packets(b"".join(map(packet, contents)) + FLUSH + rest)) == contents


def test_commands_are_read_with_the_pack_behind_them() -> None:
    first = packet(f"{A} {B} refs/heads/main\0 report-status atomic".encode())
    shallow = packet(f"shallow {A}".encode())
    changes, pack = commands(shallow + first + packet(f"{B} {'0' * 40} refs/tags/v1\n".encode()) + FLUSH + b"PACK...")
    assert [(change.ref, change.old, change.new) for change in changes] == [
        ("refs/heads/main", A, B),
        ("refs/tags/v1", B, "0" * 40),
    ]
    assert pack == b"PACK..."
    assert [change.words for change in changes] == ["refs/heads/main", "-refs/tags/v1"]


def test_a_request_that_only_asks_whether_it_may_has_no_commands() -> None:
    assert commands(FLUSH) == ([], b"")


def _report(*lines: str) -> bytes:
    inner = b"".join(packet(f"{line}\n".encode()) for line in lines) + FLUSH
    return packet(b"\x02words\n") + packet(b"\x01" + inner) + FLUSH


def test_a_reason_replaces_the_hook_and_nothing_else() -> None:
    report = _report("unpack ok", "ng refs/heads/main hook declined", "ok refs/tags/v1", "ng refs/heads/x failed")
    wanted = _report("unpack ok", "ng refs/heads/main protected", "ok refs/tags/v1", "ng refs/heads/x failed")
    assert with_reasons(report, {"refs/heads/main": "protected", "refs/heads/x": "never"}) == wanted


def test_a_long_report_is_sent_in_parts() -> None:
    refs = [f"ng refs/heads/{number:05} hook declined" for number in range(3000)]
    said = with_reasons(
        b"".join(packet(b"\x01" + part) for part in _parts(refs)) + FLUSH,
        {f"refs/heads/{number:05}": "protected" for number in range(3000)},
    )
    inner = b"".join(content[1:] for content in packets(said))
    assert len(list(packets(said))) > 1
    assert [line.endswith(b"protected\n") for line in packets(inner)] == [True] * 3000


def _parts(lines: list[str]) -> list[bytes]:
    whole = b"".join(packet(f"{line}\n".encode()) for line in lines) + FLUSH
    return [whole[at : at + 60_000] for at in range(0, len(whole), 60_000)]


def test_what_is_no_report_stays_as_it_is() -> None:
    assert with_reasons(b"", {}) == b""
    assert with_reasons(packet(b"\x02only words") + FLUSH, {}) == packet(b"\x02only words") + FLUSH
