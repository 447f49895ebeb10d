"""Which version comes after which."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.version import Version

from interlock.errors import UsageError
from interlock.model.bump import Bump, Part, parse_version

FORMS = [
    *Part,
    *(f"{release},{then}" for release in ("patch", "minor", "major") for then in ("alpha", "beta", "rc", "dev")),
    *("alpha,dev", "beta,dev", "rc,dev", "post,dev", "patch,rc,dev", "minor,alpha,dev"),
]
small = st.integers(0, 12)
suffix = st.sampled_from(["", "a1", "b2", "rc1", ".dev1", "rc1.dev3", ".post1", ".post2.dev1", "rc1.post1", "a0.dev0"])
versions = st.builds(
    lambda epoch, numbers, rest: Version(f"{epoch}!{'.'.join(map(str, numbers))}{rest}"),
    st.sampled_from([0, 0, 0, 2]),
    st.lists(small, min_size=1, max_size=4),
    suffix,
)
bumps = st.sampled_from([Bump.parse(form) for form in FORMS])


@pytest.mark.parametrize(
    ("bump", "version", "expected"),
    [
        ("patch", "1.2.3", "1.2.4"),
        ("patch", "1.2", "1.2.1"),
        ("patch", "1", "1.0.1"),
        ("patch", "1.2.4rc1", "1.2.4"),
        ("patch", "1.2.4.dev3", "1.2.4"),
        ("patch", "1.2.4a1.dev3", "1.2.4"),
        ("patch", "1.3.0rc1", "1.3.0"),
        ("patch", "1.2.3.post2", "1.2.4"),
        ("patch", "1.2.3.post2.dev1", "1.2.4"),
        ("patch", "1.2.3.4", "1.2.4.0"),
        ("patch", "1.2.3.4rc1", "1.2.4.0"),
        ("patch", "2!1.2.3", "2!1.2.4"),
        ("minor", "1.2.3", "1.3.0"),
        ("minor", "1.2", "1.3"),
        ("minor", "1.3.0rc1", "1.3.0"),
        ("minor", "1.2.4rc1", "1.3.0"),
        ("minor", "1.3.0.post1", "1.4.0"),
        ("minor", "1", "1.1"),
        ("major", "1.2.3", "2.0.0"),
        ("major", "2.0.0a1", "2.0.0"),
        ("major", "2.1.0a1", "3.0.0"),
        ("alpha", "1.2.4a1", "1.2.4a2"),
        ("alpha", "1.2.4.dev1", "1.2.4a1"),
        ("beta", "1.2.4a3", "1.2.4b1"),
        ("rc", "1.2.4b3", "1.2.4rc1"),
        ("rc", "1.2.4rc1", "1.2.4rc2"),
        ("rc", "1.2.4rc2.dev1", "1.2.4rc2"),
        ("rc", "1.2.4rc1.post1", "1.2.4rc2"),
        ("rc", "1.2.4rc1.post1.dev1", "1.2.4rc2"),
        ("patch,rc", "1.2.3", "1.2.4rc1"),
        ("patch,rc", "1.2.4rc1", "1.2.4rc2"),
        ("minor,rc", "1.2.3", "1.3.0rc1"),
        ("minor,rc", "1.2.4rc1", "1.3.0rc1"),
        ("minor,rc", "1.3.0rc1", "1.3.0rc2"),
        ("minor,rc", "1.3.0a4", "1.3.0rc1"),
        ("major,alpha", "1.2.3", "2.0.0a1"),
        ("dev", "1.2.4.dev1", "1.2.4.dev2"),
        ("dev", "1.2.4rc1.dev1", "1.2.4rc1.dev2"),
        ("dev", "1.2.3.post1.dev1", "1.2.3.post1.dev2"),
        ("patch,dev", "1.2.3", "1.2.4.dev1"),
        ("patch,dev", "1.2.4.dev1", "1.2.4.dev2"),
        ("rc,dev", "1.2.4rc1", "1.2.4rc2.dev1"),
        ("rc,dev", "1.2.4rc2.dev1", "1.2.4rc2.dev2"),
        ("rc,dev", "1.2.4b2.dev7", "1.2.4rc1.dev1"),
        ("patch,rc,dev", "1.2.3", "1.2.4rc1.dev1"),
        ("post", "1.2.3", "1.2.3.post1"),
        ("post", "1.2.3.post1", "1.2.3.post2"),
        ("post", "1.2.3.post1.dev1", "1.2.3.post1"),
        ("post,dev", "1.2.3", "1.2.3.post1.dev1"),
        ("post,dev", "1.2.3.post1", "1.2.3.post2.dev1"),
        ("post,dev", "1.2.3.post1.dev1", "1.2.3.post1.dev2"),
        ("final", "1.2.4rc1", "1.2.4"),
        ("final", "1.2.4.dev1", "1.2.4"),
        ("final", "1.2.4rc1.post1", "1.2.4"),
        ("final", "1.2.3.post1.dev1", "1.2.3.post1"),
    ],
)
def test_a_bump_gives_the_next_version(bump: str, version: str, expected: str) -> None:
    assert str(Bump.parse(bump).next(Version(version))) == expected


@pytest.mark.parametrize(
    ("bump", "version", "says", "hint"),
    [
        ("rc", "1.2.4", '"rc" of 1.2.4 would be 1.2.4rc1, which is not beyond it', '"patch,rc"'),
        ("rc", "1.2.4.post1", "would be 1.2.4rc1", '"patch,rc"'),
        ("beta", "1.2.4rc1", "would be 1.2.4b1", '"patch,beta"'),
        ("minor,beta", "1.3.0rc1", "would be 1.3.0b1", "the version itself"),
        ("dev", "1.2.4", "would be 1.2.4.dev1", '"patch,dev"'),
        ("dev", "1.2.4rc1", "would be 1.2.4rc1.dev1", '"patch,dev"'),
        ("dev", "1.2.4.post1", "would be 1.2.4.post1.dev1", '"patch,dev"'),
        ("patch,dev", "1.2.4rc1", "would be 1.2.4.dev1", "the version itself"),
        ("final", "1.2.4", "would be 1.2.4, which is not beyond it", "write patch"),
        ("post", "1.2.4rc1", "a post-release of 1.2.4rc1", "write final"),
        ("post", "1.2.4.dev1", "a post-release of 1.2.4.dev1", "write final"),
        ("patch", "1.2.4+here", "1.2.4+here is a local version", "remove what follows the +"),
    ],
)
def test_a_bump_that_leads_nowhere_is_refused_with_its_cure(bump: str, version: str, says: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        Bump.parse(bump).next(Version(version))
    assert says in caught.value.message
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize("text", ["", "patsh", "1.2.3", "patch,", "patch rc"])
def test_what_is_no_part_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match="does not say how") as caught:
        Bump.parse(text)
    assert '"minor,rc"' in str(caught.value.hint)


@pytest.mark.parametrize(
    "text", ["rc,minor", "patch,minor", "patch,patch", "alpha,rc", "final,rc", "minor,final", "dev,rc", "minor,post"]
)
def test_parts_that_do_not_go_together_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="don't go together"):
        Bump.parse(text)


@pytest.mark.parametrize("form", FORMS)
def test_a_bump_written_and_read_is_the_same(form: str) -> None:
    assert str(Bump.parse(form)) == form
    assert Bump.parse(f" {form.upper()} ".replace(",", " , ")) == Bump.parse(form)


@given(bumps, versions)
def test_a_bump_is_always_beyond_in_normal_form_and_of_the_same_epoch(bump: Bump, version: Version) -> None:
    try:
        moved = bump.next(version)
    except UsageError:
        assume(False)
    assert moved > version
    assert moved.epoch == version.epoch
    assert str(Version(str(moved))) == str(moved)
    assert moved.is_devrelease == (Part.DEV in bump.parts)


@given(versions, st.sampled_from(["patch", "minor", "major"]))
def test_a_release_part_leads_from_every_version_to_a_final_one(version: Version, part: str) -> None:
    moved = Bump.parse(part).next(version)
    assert (moved.pre, moved.post, moved.dev) == (None, None, None)


@given(versions, st.sampled_from(["patch", "minor", "major"]), st.sampled_from(["alpha", "beta", "rc"]))
def test_a_pre_release_of_a_release_ends_in_that_release(version: Version, part: str, phase: str) -> None:
    try:
        moved = Bump.parse(f"{part},{phase}").next(version)
    except UsageError:
        assume(False)
    assert Bump.parse("final").next(moved) == Bump.parse(part).next(version) == Bump.parse(part).next(moved)


@pytest.mark.parametrize("text", ["", "1.4.0+mine", "one", "1.4-"])
def test_what_can_not_be_released_is_no_version(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_version(text)
    assert '"1.4.0rc1"' in str(caught.value.hint)


def test_a_version_is_read_in_any_of_its_spellings() -> None:
    assert str(parse_version(" v1.4.0-RC.1 ")) == "1.4.0rc1"
