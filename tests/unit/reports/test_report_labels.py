"""What reports say in words, and what they make of text that a program under test printed."""

import pytest

from interlock.reports import labels


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.254, "0.25 s"),
        (9.99, "9.99 s"),
        (9.999, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (133, "2 min 13 s"),
        (3720, "1 h 2 min"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert labels.duration(seconds) == said


def test_one_thing_is_singular() -> None:
    assert [labels.counted(n, "cell") for n in (0, 1, 4757)] == ["0 cells", "1 cell", "4,757 cells"]


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("bell\x07 back\x08 \x9b31mcsi", "bell back 31mcsi"),
        ("\u202egnp.exe", "gnp.exe"),
        ("line\r\nline\tkept", "line\nline\tkept"),
        ("ends in \x1b", "ends in "),
        ("no text: \udcff", "no text: \ufffd"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(printed: str, shown: str) -> None:
    assert labels.plain(printed) == shown


def test_one_line_stays_one_line() -> None:
    assert labels.one_line("  a\n b\x1b[2J\tc ") == "a b c"


def test_no_requirement_and_any_version_differ() -> None:
    assert (labels.specifier(None), labels.specifier(""), labels.specifier(">=1")) == (
        "no requirement",
        "any version",
        ">=1",
    )
