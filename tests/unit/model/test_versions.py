import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from interlock.common.frozen_model import FrozenModel
from interlock.errors import UsageError
from interlock.model.versions import Selection, VersionField

SERVED = ("0.9", "1.0", "1.1", "1.2rc1", "1.2", "1.10", "2.0a1", "2.0.dev3")
YANKED = ("1.1", "1.2")
ALL = {Version(text): text in YANKED for text in SERVED}

numbers = st.integers(0, 3)
endings = st.sampled_from(["", "rc1", ".dev1"])
versions = st.builds(lambda major, minor, end: Version(f"{major}.{minor}{end}"), numbers, numbers, endings)
catalogues = st.dictionaries(versions, st.booleans(), min_size=1)


class Holder(FrozenModel):
    version: VersionField


def select(text: str) -> list[str]:
    return [str(version) for version in Selection.parse(text).select("core", ALL)]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("all", ["0.9", "1.0", "1.10"]),
        (" all ", ["0.9", "1.0", "1.10"]),
        ("latest:1", ["1.10"]),
        ("latest:2", ["1.0", "1.10"]),
        ("latest:99", ["0.9", "1.0", "1.10"]),
        (">=1", ["1.0", "1.10"]),
        (">=0.9,<1.10", ["0.9", "1.0"]),
        ("!=1.0", ["0.9", "1.10"]),
        ("==1.*", ["1.0", "1.10"]),
        (">=1.2rc1", ["1.2rc1", "1.10", "2.0.dev3", "2.0a1"]),
        ("1.0", ["1.0"]),
        ("1.10, 1.0", ["1.0", "1.10"]),
        ("1.0, 1.0.0 ,1", ["1.0"]),
        ("1.1", ["1.1"]),
        ("1.2, 2.0a1", ["1.2", "2.0a1"]),
    ],
)
def test_versions_are_chosen_in_ascending_order(text: str, chosen: list[str]) -> None:
    assert select(text) == chosen


@pytest.mark.parametrize(
    "text", ["", "  ", "newest", "latest:0", "latest:-1", "latest:", "latest:01", ">=x", "1.0,", ">=1;<2"]
)
def test_what_is_none_of_the_forms_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match="does not say which versions are meant") as error:
        Selection.parse(text)
    assert '"latest:10"' in str(error.value)


def test_a_release_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"core has no release 1\.11") as error:
        select("1.0, 1.11")
    assert "1.10" in str(error.value)


@pytest.mark.parametrize("text", [">=3", "==1.1", "==1.0,==2"])
def test_choosing_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no release of core is in"):
        select(text)


def test_nothing_final_is_no_latest() -> None:
    with pytest.raises(UsageError, match='no release of core is in "latest:3"'):
        Selection.parse("latest:3").select("core", {Version("1.0rc1"): False})


@given(st.sampled_from(["all", "latest:3", ">=1", "<2,>=0.1", "1.0, 2.0rc1"]))
def test_a_choice_reads_what_it_writes(text: str) -> None:
    assert Selection.parse(str(Selection.parse(text))) == Selection.parse(text)


@given(catalogues, st.integers(1, 5))
def test_the_latest_are_the_greatest_of_all_final_ones_that_are_not_yanked(
    catalogue: dict[Version, bool], count: int
) -> None:
    served = sorted(version for version, yanked in catalogue.items() if not yanked and not version.is_prerelease)
    if served:
        assert Selection(latest=count).select("core", catalogue) == tuple(served[-count:])
        assert Selection(specifier="").select("core", catalogue) == tuple(served)


@given(catalogues, st.data())
def test_what_is_listed_is_chosen_whatever_it_is(catalogue: dict[Version, bool], data: st.DataObject) -> None:
    listed = data.draw(st.lists(st.sampled_from(sorted(catalogue)), min_size=1))
    assert Selection(listed=tuple(listed)).select("core", catalogue) == tuple(sorted(set(listed)))


@given(versions)
def test_a_version_survives_json(version: Version) -> None:
    written = Holder(version=version).model_dump_json()
    assert json.loads(written) == {"version": str(version)}
    assert Holder.model_validate_json(written).version == version
