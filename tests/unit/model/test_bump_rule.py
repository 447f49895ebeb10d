"""The rules by which a version moves on, and the version of the work after a release."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from interlock.errors import UsageError
from interlock.model.bump import Bump
from interlock.model.bump_rule import Evidence, development_version, parse_rule
from interlock.model.calver import CalVer

finals = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda numbers: ".".join(map(str, numbers)))
suffixes = st.sampled_from(["", "a1", "b2", "rc1", ".post1", "rc1.post1"])


@pytest.mark.parametrize(
    ("text", "kind"),
    [("patch", Bump), ("minor,rc", Bump), ("commits", Evidence), (" contract ", Evidence), ("calver:YY.MM", CalVer)],
)
def test_a_rule_is_one_of_four(text: str, kind: type) -> None:
    assert isinstance(parse_rule(text), kind)


@pytest.mark.parametrize("text", ["", "commit", "Commits", "calver", "CalVer:YYYY", "minor,commits"])
def test_other_words_are_refused_with_all_that_can_be_written(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_rule(text)

    assert "commits, contract or calver:YYYY.0M.0D" in (raised.value.hint or "")


@pytest.mark.parametrize(
    ("released", "expected"),
    [
        ("1.2.4", "1.2.5.dev0"),
        ("1.2", "1.2.1.dev0"),
        ("1.3.0rc1", "1.3.0rc2.dev0"),
        ("1.2.3.post1", "1.2.4.dev0"),
        ("2!1.0.0", "2!1.0.1.dev0"),
        ("1.2.4.dev3", None),
    ],
)
def test_the_work_after_a_release_has_a_version_of_its_own(released: str, expected: str | None) -> None:
    found = development_version(Version(released), parse_rule("patch"))

    assert (None if found is None else str(found)) == expected


@given(finals, suffixes)
def test_a_development_version_is_between_the_release_and_the_next_one(numbers: str, suffix: str) -> None:
    released = Version(numbers + suffix)
    development = development_version(released, parse_rule("patch"))

    assert development is not None
    assert released < development < Bump.parse("patch").next(development)
