"""A release's tag says what it is made of, and other people's tags say nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from interlock.model.release import ReleasedFile
from interlock.model.versions import tag_among, tag_name, tag_version
from interlock.releases.tags import DispatchTarget, Manifest
from tests.support.release_values import a_file

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True)
files = st.builds(
    ReleasedFile, name=names, sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True), size=st.integers(0, 10**12)
)
any_targets = st.builds(DispatchTarget, event=st.from_regex(r"[\w.-]{1,20}", fullmatch=True), target=names)


ids = st.none() | st.from_regex(r"[!-~]{1,40}", fullmatch=True)


@given(
    made=st.lists(files, max_size=4),
    targets=st.lists(any_targets, max_size=4),
    title=st.text(max_size=40),
    cascade=ids,
    request_id=ids,
)
def test_a_message_is_read_as_it_was_written(
    made: list[ReleasedFile], targets: list[DispatchTarget], title: str, cascade: str | None, request_id: str | None
) -> None:
    title = " ".join(title.split())
    manifest = Manifest(
        package="core==1.0", files=tuple(made), targets=tuple(targets), cascade=cascade, request_id=request_id
    )

    assert Manifest.read(manifest.write(title)) == manifest


@pytest.mark.parametrize(
    "message", [None, "", "v1.2.3", "Release 1.2.3\n\nsha256: nothing", "Not-Interlock-Release: core==1"]
)
def test_other_peoples_tags_say_nothing(message: str | None) -> None:
    assert Manifest.read(message) is None


def test_a_person_can_read_it() -> None:
    manifest = Manifest(
        package="market-data-core==1.2.11", files=(a_file(),), targets=(DispatchTarget("core_release", "store"),)
    )

    assert manifest.write("market-data-core 1.2.11").splitlines() == [
        "market-data-core 1.2.11",
        "",
        f"sha256:{'a' * 64}    12345 market_data_core-1.2.11-py3-none-any.whl",
        "",
        "dispatch: core_release -> store",
        "",
        "Interlock-Release: market-data-core==1.2.11",
    ]


@given(
    st.sampled_from(["v{version}", "{version}", "core/v{version}", "release-{version}+x"]),
    st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}(rc[0-9]|\.post[0-9])?", fullmatch=True),
)
def test_a_version_is_found_in_its_tag(form: str, text: str) -> None:
    assert tag_version(form, tag_name(form, Version(text))) == Version(text)


@pytest.mark.parametrize("name", ["v", "vnext", "1.2", "V1.2", "v1.2-beta-x", "nightly", "xv1.2", "v1.2/3"])
def test_a_tag_of_another_form_has_no_version(name: str) -> None:
    assert tag_version("v{version}", name) is None


def test_a_tag_is_found_however_its_numbers_are_written() -> None:
    form, version = "v{version}", Version("2026.8.7")

    assert tag_among(form, version, ["v2026.08.07", "v2026.08.08", "2026.8.7"]) == "v2026.08.07"
    assert tag_among(form, version, ["v2026.08.07", "v2026.8.7"]) == "v2026.8.7"
    assert tag_among(form, version, []) == "v2026.8.7"
