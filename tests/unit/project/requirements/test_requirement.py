"""One requirement for a new version: only its lower bound moves."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from interlock.project.requirements.clauses import Clause, KeptClause, Moved, Refused, apply, clauses_of, cut, move
from interlock.project.requirements.pep508 import move_requirement, required_name

MARKER = '; python_version < "3.12"'


def repinned(text: str, version: Version) -> str | Refused:
    """A requirement, or a specifier alone, for a new version; or why that can't be."""
    outcome = move(text, version) if text.lstrip()[:1] in set("<>=!~") else move_requirement(text, version)
    if isinstance(outcome, Refused):
        return outcome
    return apply(text, outcome.edits) if isinstance(outcome, Moved) else text


@pytest.mark.parametrize(
    ("before", "version", "after"),
    [
        (">=1.4.61,<2.0.0", "1.4.62", ">=1.4.62,<2.0.0"),
        ("<2.0.0 , >= 1.4.61", "1.5", "<2.0.0 , >= 1.5"),
        ("==1.4.61", "1.4.62", "==1.4.62"),
        ("== 1.4.61", "2.0rc1", "== 2.0rc1"),
        ("===1.4.61", "1.4.62", "===1.4.62"),
        ("===1.0", "1.0.0", "===1.0.0"),
        ("==1.2.*", "1.3.5", "==1.3.*"),
        ("==1.2.*", "1.3rc2", "==1.3.*"),
        ("==1.*", "2.3.5", "==2.*"),
        ("==1.2.3.*", "2", "==2.0.0.*"),
        ("==1.2.*", "1!1.3.5", "==1!1.3.*"),
        ("~=1.4", "1.5.2", "~=1.5"),
        ("~=1.4.2", "1.4.7", "~=1.4.7"),
        ("~=1.4.2", "1.4.7.1", "~=1.4.7"),
        ("~=1.4.2", "1.4.7.post1", "~=1.4.7.post1"),
        ("~=1.4", "1.5rc1", "~=1.5rc1"),
        ("~=1.4", "1.5.1rc1", "~=1.5"),
        ("~=1.4rc1", "1.4.7", "~=1.4"),
        ("~=1!1.4", "1!1.5", "~=1!1.5"),
        (">1.4", "1.5", ">=1.5"),
        ("> 1.4,<2", "1.5.dev3", ">= 1.5.dev3,<2"),
        (">1.4", "1.4.post1", ">=1.4.post1"),
        (">=1.4,!=1.4.5,<2", "1.5", ">=1.5,!=1.4.5,<2"),
        (">=1.0,>=1.2", "1.5", ">=1.0,>=1.5"),
        (">=1.4,==1.*", "1.5", ">=1.5,==1.*"),
        ("==1.*,==1.2.*", "1.5", "==1.*,==1.5.*"),
        (">=1.0,==1.2", "1.5", ">=1.0,==1.5"),
        (">=1.0,~=1.2", "1.5", ">=1.0,~=1.5"),
        ("core>=1", "2.0+local.1", "core>=2.0"),
        ("core", "1.5", "core"),
        ("core<2", "1.5", "core<2"),
        ("core!=1.4,<=2", "1.5", "core!=1.4,<=2"),
        ("core[redis, bus] ( >=1.2 , <2 ) ; extra == 'x<1'", "1.5", "core[redis, bus] ( >=1.5 , <2 ) ; extra == 'x<1'"),
        ("  Market_Data.Core>=1.2 ", "1.5", "  Market_Data.Core>=1.5 "),
        ("core>=1.2,", "1.5", "core>=1.5,"),
        ("core>=v1.2", "1.5", "core>=1.5"),
    ],
)
def test_the_lower_bound_moves_and_all_else_stays(before: str, version: str, after: str) -> None:
    assert repinned(before, Version(version)) == after


@pytest.mark.parametrize(
    ("before", "version"),
    [
        (">=1.5,<2", "1.5"),
        (">=1.5,<2", "1.4"),
        (">=1.5,<2", "1.5rc1"),
        ("==1.5", "1.5.0"),
        ("==1.6", "1.5"),
        ("===1.5", "1.5"),
        ("==1.5.*", "1.5.7"),
        ("==1.6.*", "1.5"),
        ("~=1.5", "1.5.9"),
        ("~=1.5.post1", "1.5.9"),
        ("~=1.6", "1.5"),
        (">1.5", "1.5"),
        (">1.6,<2", "1.5"),
        ("==1.5+cu12", "1.5"),
        (">=2,<3", "1.5"),
    ],
)
def test_a_bound_that_is_there_already_or_beyond_is_never_lowered(before: str, version: str) -> None:
    assert repinned(before, Version(version)) == before
    assert isinstance(move(before, Version(version)), KeptClause)


@pytest.mark.parametrize(
    ("before", "version", "clause"),
    [
        (">=1.4,<2", "2.0", '"<2" excludes 2.0'),
        (">=1.4,<2", "2.0rc1", '"<2" excludes 2.0rc1'),
        (">=1.4,<=1.5", "1.5.1", '"<=1.5" excludes 1.5.1'),
        ("<2", "2.1", '"<2" excludes 2.1'),
        (">=1.4,!=1.5", "1.5.0", '"!=1.5" excludes 1.5.0'),
        (">=1.4,!=1.5.*,<2", "1.5.2", '"!=1.5.*" excludes 1.5.2'),
        ("~=1.4", "2.0", '"~=1.4" excludes 2.0 (it caps at ==1.*)'),
        ("~=1.4.2", "1.5", '"~=1.4.2" excludes 1.5 (it caps at ==1.4.*)'),
        (">=1.4,==1.*", "2.0", '"==1.*" excludes 2.0'),
        ("==1.2,==1.2", "1.5", '"==1.2" excludes 1.5'),
        ("==1.2,>=1.6", "1.5", '">=1.6" excludes 1.5'),
        ("===nightly", "1.5", "what is not a version"),
        ("core @ https://example.com/core.whl", "1.5", "names a URL"),
        ("core>=1.*", "1.5", "no valid requirement"),
        (">=1.*", "1.5", "what is not a version"),
    ],
)
def test_what_excludes_the_version_is_for_a_person_and_the_reason_names_it(
    before: str, version: str, clause: str
) -> None:
    outcome = repinned(before, Version(version))
    assert isinstance(outcome, Refused)
    assert clause in outcome.reason


def test_a_specifier_that_the_real_parser_sees_differently_is_refused() -> None:
    # Everything up to the next space belongs to an arbitrary equality.
    outcome = repinned("core===a(b", Version("1"))
    assert isinstance(outcome, Refused)
    assert "can't be taken apart" in outcome.reason


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Market_Data.Core>=1", "market-data-core"),
        ("core", "core"),
        ("core [a,b] ~=1.0", "core"),
        ("core@ https://x", "core"),
        ("core;python_version<'3'", "core"),
        ("core foo", None),
        ("-r core", None),
        ("", None),
        ("core-", None),
        ("./core", None),
    ],
)
def test_the_required_name_is_read_in_its_canonical_form(text: str, name: str | None) -> None:
    assert required_name(text) == name


numbers = st.integers(0, 12)
releases = st.lists(numbers, min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
suffixes = st.sampled_from(["", "", "", "a1", "rc2", ".post1", ".dev3", "rc1.post2.dev1"])
epochs = st.sampled_from(["", "", "", "1!"])
version_texts = st.builds("".join, st.tuples(epochs, releases, suffixes))
versions = version_texts.map(Version)
spaces = st.text(" \t", max_size=2)


def _clause(operator: str, space: str, version: str) -> str:
    if operator == "~=" and len(Version(version).release) < 2:
        version = f"{Version(version).major}.{Version(version).minor}"
    if operator.endswith("*"):
        return f"{operator[:2]}{space}{Version(version).epoch}!{'.'.join(map(str, Version(version).release))}.*"
    return f"{operator}{space}{version}"


operators = st.sampled_from([">=", ">=", ">=", ">", "==", "===", "~=", "==*", "!=*", "<", "<", "<=", "!="])
clauses = st.builds(_clause, operators, spaces, version_texts)
joints = st.builds(lambda a, b: f"{a},{b}", spaces, spaces)
specifiers = st.builds(
    lambda parts, joint, order: joint.join(order.sample(parts, len(parts))),
    st.lists(clauses, max_size=4),
    joints,
    st.randoms(use_true_random=False),
)


@st.composite
def requirements(draw: st.DrawFn) -> str:
    name, extras = draw(st.sampled_from(["core", "Market_Data.Core"])), draw(st.sampled_from(["", "[a]", " [b, a]"]))
    specifier = draw(specifiers)
    inside = f"({specifier})" if specifier and draw(st.booleans()) else specifier
    marker = draw(st.sampled_from(["", f" {MARKER}", ' ;extra=="a"']))
    return f"{draw(spaces)}{name}{extras}{draw(spaces)}{inside}{marker}"


def _parsed(text: str) -> Requirement:
    return Requirement(text)


def _without_bound(text: str, clause: Clause | None) -> str:
    return text if clause is None else text[: clause.start] + text[clause.end :]


@given(requirements(), versions)
@example("core>=1,<2", Version("2.0rc1"))
@example("core~=1.4.post1", Version("1.4.7"))
def test_only_the_bound_moves_and_the_result_admits_the_version(text: str, version: Version) -> None:
    outcome = repinned(text, version)
    assume(not isinstance(outcome, Refused))
    assert isinstance(outcome, str)
    before, after = _parsed(text), _parsed(outcome)
    assert (before.name, before.extras, str(before.marker)) == (after.name, after.extras, str(after.marker))
    assert repinned(outcome, version) == outcome
    if outcome == text:
        return
    assert after.specifier.contains(version, prereleases=True)
    old, new = clauses_of(text.partition(";")[0]), clauses_of(outcome.partition(";")[0])
    (moved,) = [at for at, (one, other) in enumerate(zip(old, new, strict=True)) if one.text != other.text]
    assert _without_bound(text, old[moved]) == _without_bound(outcome, new[moved])
    assert new[moved].at >= old[moved].at
    assert new[moved].operator == (">=" if old[moved].operator == ">" else old[moved].operator)


@given(requirements(), versions)
def test_nothing_moves_only_if_the_version_is_admitted_or_more_is_required_already(text: str, version: Version) -> None:
    if repinned(text, version) == text:
        specifier = _parsed(text).specifier
        lower = [each.at for each in clauses_of(text.partition(";")[0]) if each.operator not in {"<", "<=", "!="}]
        assert specifier.contains(version, prereleases=True) or any(bound >= version for bound in lower)


@given(requirements(), versions)
def test_what_is_refused_excludes_the_version_by_the_clause_that_is_named(text: str, version: Version) -> None:
    assume("===" not in text)  # the standard's parser takes all up to a space for its version, with a comma too
    outcome = repinned(text, version)
    if isinstance(outcome, Refused):
        excluding = [each.text for each in clauses_of(text.partition(";")[0]) if not each.admits(version)]
        assert any(f'"{each}" excludes {version}' in outcome.reason for each in excluding)


@given(st.lists(clauses.filter(lambda text: not text.startswith("==")), max_size=3), versions, versions)
def test_a_range_never_becomes_wider(parts: list[str], version: Version, other: Version) -> None:
    text = ",".join(parts)
    outcome = repinned(f"core {text}", version)
    if isinstance(outcome, str) and _parsed(outcome).specifier.contains(other, prereleases=True):
        widened = SpecifierSet(text).contains(other, prereleases=True)
        # `>1.4` does not admit 1.4.post1, which `>=1.4.post1` has to.
        assert widened or (">" in text and (other.is_postrelease or other.local is not None))


@given(versions, st.integers(1, 5))
def test_a_cut_version_has_so_many_components_and_is_not_beyond_the_whole_one(
    version: Version, components: int
) -> None:
    short = Version(cut(version, components))
    assert len(short.release) == components
    assert short <= version
    assert (short == version) or any(version.release[components:])


@given(st.text(max_size=20), versions)
def test_any_text_is_moved_kept_or_refused(text: str, version: Version) -> None:
    move(text, version)
    repinned(text, version)
