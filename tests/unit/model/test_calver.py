"""Calendar versions: the next one by the day, and the text that keeps the zeros."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from interlock.errors import UsageError
from interlock.model.bump_rule import development_version, parse_rule, spelled
from interlock.model.calver import CalVer, CalVerOn, format_of, looks_padded

DAY = date(2026, 8, 7)
FORMS = [
    *("YYYY.0M.0D", "YYYY.MM.DD", "YY.MM.DD", "0Y.0M", "YYYY.0M.MICRO", "YY.MINOR.MICRO", "YYYY.WW", "YYYY.0W.MICRO"),
    *("YYYY", "YYYY.MICRO", "YY.0M.0D.MINOR.MICRO"),
]
forms = st.sampled_from([CalVer.parse(f"calver:{form}") for form in FORMS])
days = st.dates(min_value=date(2001, 1, 1), max_value=date(2099, 12, 31))


@pytest.mark.parametrize(
    ("form", "before", "expected"),
    [
        ("YYYY.0M.0D", "2026.8.6", "2026.08.07"),
        ("YYYY.0M.0D", "2026.8.7", "2026.08.07.1"),
        ("YYYY.0M.0D", "2026.8.7.1", "2026.08.07.2"),
        ("YYYY.0M.0D", "2026.8.7.9", "2026.08.07.10"),
        ("YYYY.0M.0D", "2026.8.7.1.dev0", "2026.08.07.1"),
        ("YYYY.0M.0D", "2026.8.7rc1", "2026.08.07"),
        ("YYYY.0M.0D", "2026.8.7.post1", "2026.08.07.1"),
        ("YYYY.0M.0D", "1.2.3", "2026.08.07"),
        ("YYYY.0M.0D", "2!2025.1.1", "2!2026.08.07"),
        ("YYYY.MM.DD", "2026.8.6", "2026.8.7"),
        ("YY.MM.MICRO", "26.7.4", "26.8.0"),
        ("YY.MM.MICRO", "26.8.0", "26.8.1"),
        ("YY.0M.MICRO", "26.8", "26.08.1"),
        ("YY.MINOR.MICRO", "25.3.1", "26.0.0"),
        ("YY.MINOR.MICRO", "26.3.1", "26.3.2"),
        ("0Y.0W", "26.31", "26.32"),
        ("YYYY.MICRO", "2026.4", "2026.5"),
    ],
)
def test_the_next_version_is_of_the_day(form: str, before: str, expected: str) -> None:
    rule = CalVer.parse(f"calver:{form}")

    assert rule.text(rule.next(Version(before), DAY)) == expected


@pytest.mark.parametrize("before", ["2026.8.8", "2026.9", "2027.1.1.dev0", "20260101", "2026.8.17"])
def test_what_is_of_a_later_day_is_refused(before: str) -> None:
    with pytest.raises(UsageError, match=r"is beyond 2026\.08\.07, the version of 2026-08-07 \(UTC\)") as raised:
        CalVer.parse("calver:YYYY.0M.0D").next(Version(before), DAY)

    assert "--version" in (raised.value.hint or "")


@given(forms, days, days)
def test_days_in_their_order_make_versions_in_their_order(rule: CalVer, one: date, two: date) -> None:
    first, then = min(one, two), max(one, two)
    before = rule.first(first)
    version = CalVerOn(form=rule, day=then).next(before)

    assert version > before
    assert rule.next(version, then) > version
    assert rule.next(version, then).release[: len(rule.dated)] == rule.first(then).release[: len(rule.dated)]


@given(forms, days, st.sampled_from(["", ".1", "rc1", ".dev0", ".post2"]))
def test_the_text_is_the_same_version_with_the_zeros_of_the_format(rule: CalVer, day: date, rest: str) -> None:
    version = Version(f"{rule.first(day)}{rest}")
    text = rule.text(version)

    assert Version(text) == version
    assert text.endswith(rest)
    for token, written in zip(rule.dated, re.findall(r"\d+", text), strict=False):
        assert len(written) == 2 if token.startswith("0") else not looks_padded(written)


@given(forms, days)
def test_the_development_version_leads_to_the_release_of_any_later_day(rule: CalVer, day: date) -> None:
    released = rule.first(day)
    development = development_version(released, rule)

    assert development is not None
    assert development > released
    assert rule.next(development, day) == rule.next(released, day)


def test_a_week_belongs_to_the_year_that_iso_8601_gives_it() -> None:
    rule = CalVer.parse("calver:YYYY.WW")

    assert [str(rule.first(day)) for day in (date(2027, 1, 2), date(2027, 1, 4), date(2025, 12, 30))] == [
        "2026.53",
        "2027.1",
        "2026.1",
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("calver:", "calver:MM.YYYY", "calver:YYYY.DD", "calver:YYYY-0M-0D", "calver:MICRO", "calver:YYYY.MICRO.MM"),
        *("calver:YYYY.YYYY", "calver:YYYY.WW.DD", "calver:yyyy.mm", "calver:YYYY.MINOR.MINOR", "calver:YYYY.0M.0D.x"),
        "calver:" + "YYYY." * 10_000,
    ],
)
def test_what_would_not_always_go_up_is_no_format(text: str) -> None:
    with pytest.raises(UsageError, match="is no format of calendar versions") as raised:
        CalVer.parse(text)

    assert len(raised.value.message) < 200


def test_a_version_of_another_form_gets_no_zeros() -> None:
    rule = CalVer.parse("calver:YYYY.0M.0D")

    assert [rule.text(Version(text)) for text in ("3.0.0", "2026.13.1", "2026.8")] == ["3.0.0", "2026.13.1", "2026.8"]


@pytest.mark.parametrize(
    ("version", "rule", "given_", "expected"),
    [
        ("2026.8.17", "calver:YYYY.0M.0D", None, "2026.08.17"),
        ("2026.8.17", "patch", None, "2026.8.17"),
        ("2026.8.17", "patch", "2026.08.17", "2026.08.17"),
        ("2026.8.17rc1", "patch", "v2026.08.17-rc1", "2026.08.17rc1"),
        ("1.2.4rc1", "patch", "1.2.4-RC1", "1.2.4rc1"),
        ("2026.8.18", "patch", "2026.08.17", "2026.8.18"),
        ("2!26.8", "patch", "2!26.08", "2!26.08"),
    ],
)
def test_zeros_come_from_the_format_or_from_a_person(
    version: str, rule: str, given_: str | None, expected: str
) -> None:
    assert spelled(Version(version), parse_rule(rule), given_) == expected


def test_a_format_is_proposed_for_what_looks_like_a_date() -> None:
    texts = ("2026.08.17", "2026.8.17", "26.08", "24.10.1")

    assert [format_of(text) for text in texts] == [
        "calver:YYYY.0M.0D",
        "calver:YYYY.MM.DD",
        "calver:YY.0M",
        "calver:YY.MM.DD",
    ]
    assert [looks_padded(text) for text in ("2026.08.17", "v2026.8.07", "2026.10.1", "1.2.0", "0.1", "1.0rc01")] == [
        *(True, True, False, False, False, False)
    ]
