"""Each rule by which PyPI refuses files, with what it refuses and what it takes."""

import io
import re
import tarfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from interlock.adapters.index import metadata_rules, rules
from interlock.adapters.index.distribution_file import DistributionFile, read_distribution
from interlock.adapters.index.rules import MIB, RULES, RuleSet, refusals, rules_of
from interlock.adapters.index.settings import Upload
from tests.support.universe import make_sdist, make_wheel

WHEEL, SDIST = "acme_core-1.0-py3-none-any.whl", "acme_core-1.0.tar.gz"
INFO = "acme_core-1.0.dist-info"
METADATA = "Metadata-Version: 2.4\nName: acme-core\nVersion: 1.0\n"


def wheel(**facts: object) -> DistributionFile:
    """A wheel that PyPI takes, but for these facts."""
    members = frozenset(f"{INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD"))
    fields = {"name": WHEEL, "kind": "wheel", "size": 1000, "unpacked": 2000, "members": members}
    return DistributionFile.model_validate({**fields, "metadata": METADATA.encode(), **facts})


def sdist(**facts: object) -> DistributionFile:
    """The same for an sdist."""
    members = {"acme_core-1.0", "acme_core-1.0/PKG-INFO"}
    return wheel(**{"name": SDIST, "kind": "sdist", "members": members, **facts})


def with_metadata(*lines: str, **fields: str) -> DistributionFile:
    """A wheel with further lines of metadata; or with other fields."""
    text = METADATA
    for name, value in fields.items():
        text = re.sub(rf"(?m)^{name.replace('_', '-')}: .*$", f"{name.replace('_', '-')}: {value}", text)
    return wheel(metadata=(text + "".join(f"{line}\n" for line in lines)).encode())


def says(file: DistributionFile, rule_set: RuleSet = RuleSet.PYPI) -> list[str]:
    return [refusal.says for refusal in refusals(file, rule_set)]


def on(platform: str) -> DistributionFile:
    name = f"acme_core-1.0-cp311-cp311-{platform}.whl"
    return wheel(name=name)


REFUSED: Mapping[str, tuple[DistributionFile, str]] = {
    "a platform that names no libraries": (on("linux_x86_64"), "unsupported platform tag 'linux_x86_64'"),
    "one of several platforms": (on("manylinux2014_x86_64.linux_x86_64"), "tag 'linux_x86_64'"),
    "a macOS that is not known yet": (on("macosx_27_0_arm64"), "tag 'macosx_27_0_arm64'"),
    "a macOS that never was": (on("macosx_14_3_arm64"), "tag 'macosx_14_3_arm64'"),
    "a file that is too large": (wheel(size=100 * MIB + 1), "Limit is 100 MB"),
    "a zip that unpacks to far more": (wheel(size=MIB, unpacked=65 * MIB), "compression ratio of 50"),
    "sparse members": (sdist(sparse=True), "Sparse members"),
    "a zip as sdist": (sdist(name="acme_core-1.0.zip"), "should be 'acme_core-1.0.tar.gz'"),
    "an sdist with a hyphen in its name": (sdist(name="acme-core-1.0.tar.gz"), "should be 'acme_core-1.0.tar.gz'"),
    "an sdist with a dot in its name": (sdist(name="acme.core-1.0.tar.gz"), "should be 'acme_core-1.0.tar.gz'"),
    "an sdist with capitals": (sdist(name="Acme_Core-1.0.tar.gz"), "should be 'acme_core-1.0.tar.gz'"),
    "an sdist with zeros in its version": (sdist(name="acme_core-01.0.tar.gz"), "should be 'acme_core-1.0.tar.gz'"),
    "a wheel with capitals": (
        wheel(name="Acme_Core-1.0-py3-none-any.whl", members={f"Acme_Core-1.0.dist-info/{n}" for n in ("METADATA",)}),
        "should contain the normalized project name 'acme_core'",
    ),
    "a wheel without RECORD": (wheel(members={f"{INFO}/METADATA", f"{INFO}/WHEEL"}), "RECORD not found"),
    "a wheel of another folder": (wheel(members={"core-1.0.dist-info/WHEEL"}), f"WHEEL not found at {INFO}/WHEEL"),
    "an sdist with two folders": (sdist(members={"a/PKG-INFO", "b/x"}), "Incorrect number of top-level directories"),
    "an sdist without PKG-INFO": (sdist(metadata=b""), "PKG-INFO not found at acme_core-1.0/PKG-INFO"),
    "a license file that is missing": (with_metadata("License-File: LICENSE"), "License-File LICENSE does not exist"),
    "entry points that are no INI": (wheel(entry_points=b"[console_scripts"), "invalid entry points"),
    "a script with a path": (wheel(entry_points=b"[console_scripts]\n../x = a:b\n"), "invalid entry points"),
    "entry points that are no text": (wheel(entry_points=b"\xff"), "invalid entry points"),
    "a metadata version that is too new": (with_metadata(Metadata_Version="2.6"), "'2.6' is not a valid metadata"),
    "a metadata version of old": (with_metadata(Metadata_Version="2.0"), "'2.0' is not a valid metadata version."),
    "a field that this version lacks": (
        with_metadata("License-Expression: MIT", Metadata_Version="2.1"),
        "license-expression introduced in metadata version 2.4",
    ),
    "an unknown field": (with_metadata("Colour: red"), "'colour' is unknown"),
    "a licence that is no SPDX": (with_metadata("License-Expression: My own"), "'My own' is invalid for"),
    "a licence that is said twice": (with_metadata("License: MIT", "License-Expression: MIT"), "License is deprecated"),
    "a content type of none": (with_metadata("Description-Content-Type: text/html"), "must be one of"),
    "a requirement that is none": (with_metadata("Requires-Dist: a b"), "'a b' is invalid"),
    "a Python that is none": (with_metadata("Requires-Python: three"), "'three' is invalid"),
    "a summary of two lines": (with_metadata("Summary: one\n        two"), "must be a single line"),
    "a long summary": (with_metadata(f"Summary: {'x' * 513}"), "512 characters or less"),
    "a local version": (with_metadata(Version="1.0+mine"), "The use of local versions in '1.0+mine'"),
    "an address without a domain": (with_metadata("Author-email: somebody"), "'somebody' is not a valid email"),
    "an address that no mail reaches": (with_metadata("Maintainer-email: A <a@b.local>"), "'a@b.local' is not a valid"),
    "a classifier that is none": (with_metadata("Classifier: Topic :: Nothing"), "'Topic :: Nothing' is not a valid"),
    "a private classifier": (with_metadata("Classifier: Private :: Do Not Upload"), "'Private :: Do Not Upload'"),
    "a classifier that was replaced": (
        with_metadata("Classifier: Framework :: Django CMS :: 4.2"),
        "has been deprecated, use one of",
    ),
    "a URL of another scheme": (
        with_metadata("Home-page: ftp://example.org"),
        "'ftp://example.org' is not a valid url",
    ),
    "a long label": (with_metadata(f"Project-URL: {'x' * 33}, https://example.org"), "32 characters or less"),
    "no label": (with_metadata("Project-URL: , https://example.org"), "Must have a label"),
    "a project URL that is none": (with_metadata("Project-URL: Docs, example.org"), "'example.org' is not a valid url"),
    "no project URL": (with_metadata("Project-URL: Docs,"), "Must have a URL"),
    "a requirement by address": (
        with_metadata("Requires-Dist: x @ git+https://example.org/x"),
        "Can't have direct dependency: x @ git+https://example.org/x",
    ),
    "a number without end": (with_metadata(Version="1" * 5000), "the metadata can't be read"),
    "brackets without end": (with_metadata("Requires-Dist: x; " + "(" * 3900), "can't be read"),
    "a licence with brackets without end": (with_metadata("License-Expression: " + "(" * 5000), ""),
    "requirements that are too long": (with_metadata("Requires-Dist: " + "x" * 5000), "longer than can be read"),
}


@pytest.mark.parametrize(("file", "why"), REFUSED.values(), ids=REFUSED)
def test_what_pypi_refuses_is_said(file: DistributionFile, why: str) -> None:
    found = says(file)
    assert found, "it is taken"
    assert any(why in line for line in found), found
    assert all(len(line) < 400 for line in found)
    assert all(refusal.hint for refusal in refusals(file, RuleSet.PYPI))


TAKEN: Mapping[str, DistributionFile] = {
    "a wheel": wheel(),
    "an sdist": sdist(),
    "an sdist with a dot before its folder": sdist(members={"./acme_core-1.0/PKG-INFO", "./acme_core-1.0/x"}),
    "an epoch": sdist(name="acme_core-1!1.0.tar.gz"),
    "the largest file": wheel(size=100 * MIB),
    "a small zip that packs well": wheel(size=1000, unpacked=63 * MIB),
    "a large tar that packs well": sdist(size=1000, unpacked=999 * MIB),
    "scripts": wheel(entry_points=b"[console_scripts]\nAcme-Run.2 = a:b [x]\n[my.plugins]\nany thing = a\n"),
    "a license file that older setuptools names": with_metadata("License-File: LICENSE", Metadata_Version="2.1"),
    "a license file": wheel(
        metadata=(METADATA + "License-File: LICENSE\n").encode(), members=wheel().members | {f"{INFO}/licenses/LICENSE"}
    ),
    "no README": with_metadata(),
    "the longest summary": with_metadata(f"Summary: {'x' * 512}"),
    "a summary of no text": with_metadata("Home-page: UNKNOWN"),
    "a classifier": with_metadata("Classifier: Programming Language :: Python :: 3"),
    "an address": with_metadata("Author-email: A B <a.b@example.org>, c@example.org"),
    "an author without one": with_metadata("Author: A"),
    "links": with_metadata("Project-URL: Docs, https://example.org/a?b=c#d", "Home-page: http://example.org"),
    "requirements": with_metadata(
        'Requires-Dist: x[y]>=1; python_version < "3.12" and extra == "z"', "Provides-Extra: z"
    ),
}


@pytest.mark.parametrize("file", TAKEN.values(), ids=TAKEN)
def test_what_pypi_takes_is_not_refused(file: DistributionFile) -> None:
    assert says(file) == []


@pytest.mark.parametrize(
    "platform",
    [
        *("any", "win32", "win_amd64", "manylinux1_i686", "manylinux2014_ppc64", "manylinux_2_28_aarch64"),
        *("musllinux_1_2_riscv64", "linux_armv7l", "macosx_10_9_universal2", "macosx_26_0_arm64"),
        *("ios_13_0_arm64_iphoneos", "android_21_x86_64", "pyemscripten_2026_0_wasm32"),
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
    ],
)
def test_platforms_that_pypi_knows_are_taken(platform: str) -> None:
    assert says(on(platform)) == []


@pytest.mark.parametrize(
    "platform", ["linux_aarch64", "manylinux2014_riscv64", "musllinux_1_2_ppc64", "freebsd_14_amd64"]
)
def test_platforms_that_pypi_does_not_know_are_refused(platform: str) -> None:
    assert says(on(platform)) == [f"Binary wheel {on(platform).name!r} has an unsupported platform tag {platform!r}."]


def test_a_project_may_have_been_granted_larger_files() -> None:
    assert not refusals(wheel(size=300 * MIB), RuleSet.PYPI, largest=300 * MIB)
    assert refusals(wheel(size=300 * MIB + 1), RuleSet.PYPI, largest=300 * MIB)


def test_another_index_has_the_rules_of_the_file_format_alone() -> None:
    assert says(on("linux_x86_64"), RuleSet.FORMAT) == []
    assert says(wheel(members={f"{INFO}/METADATA", f"{INFO}/WHEEL"}), RuleSet.FORMAT) == [
        f"RECORD not found at {INFO}/RECORD"
    ]


@pytest.mark.parametrize(
    ("text", "fields", "fails"),
    [
        ("Title\n=====\n\nText.\n", (), False),
        ("Title\n=====\n\nText.\n", ("Description-Content-Type: text/x-rst",), False),
        ("", (), False),
        ("Title\n==\n\n.. nowhere::\n", (), True),
        ("Title\n==\n\n.. nowhere::\n", ("Description-Content-Type: text/x-rst; charset=UTF-8",), True),
        ("Title\n==\n\n.. nowhere::\n", ("Description-Content-Type: text/markdown",), False),
        ("Title\n==\n\n.. nowhere::\n", ("Description-Content-Type: text/plain",), False),
    ],
)
def test_a_description_is_refused_only_when_it_can_not_be_rendered(
    text: str, fields: tuple[str, ...], fails: bool
) -> None:
    file = with_metadata(*fields, "", text)
    assert bool([*metadata_rules.description_renders(file)]) is fails


def test_a_release_takes_files_for_fourteen_days() -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    assert not [*rules.release_is_open(None, at)]
    assert not [*rules.release_is_open(at - timedelta(days=14), at)]
    assert [*rules.release_is_open(at - timedelta(days=14, seconds=1), at)]


def test_archived_and_quarantined_projects_take_nothing() -> None:
    taken = {status: not [*rules.project_is_active(status)] for status in (None, "active", "deprecated", "archived")}
    assert taken == {None: True, "active": True, "deprecated": True, "archived": False}
    assert [*rules.project_is_active("quarantined")]


def test_a_release_has_one_sdist() -> None:
    assert not [*rules.has_no_other_sdist(SDIST, [WHEEL, SDIST])]
    assert not [*rules.has_no_other_sdist(WHEEL, [SDIST])]
    assert [*rules.has_no_other_sdist(SDIST, ["acme-core-1.0.tar.gz"])]


def test_every_rule_says_where_it_was_read_and_when() -> None:
    checks: list[Callable[..., object]] = [rule.check for rule in RULES[RuleSet.PYPI]]
    checks += [rules.release_is_open, rules.project_is_active, rules.has_no_other_sdist]
    checks += [metadata_rules.description_renders]
    for check in checks:
        assert re.search(r"Source: .+read on \d{4}-\d\d-\d\d", " ".join((check.__doc__ or "").split())), check


def uploading_to(url: str | None, name: str = "x") -> Upload:
    return Upload(name=name, repository_url=url and SecretStr(url), password=SecretStr("x"))


def test_the_rules_are_those_of_the_index_that_files_are_uploaded_to() -> None:
    from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

    ours = uploading_to("https://packages.example.org/legacy/")
    rehearsed = uploading_to("http://127.0.0.1:8000/legacy/")
    assert {rules_of("pypi", None, each) for each in (None, uploading_to(None), rehearsed)} == {RuleSet.PYPI}
    for address in (DEFAULT_REPOSITORY, TEST_REPOSITORY):
        assert rules_of("pypi", None, uploading_to(address)) is RuleSet.PYPI
    assert rules_of("testpypi", None, uploading_to(TEST_REPOSITORY, "testpypi")) is RuleSet.PYPI
    assert rules_of("pypi", None, ours) is RuleSet.FORMAT
    assert rules_of("https://packages.example.org/simple", None, uploading_to(None)) is RuleSet.FORMAT
    assert rules_of("ours", "pypi", ours) is RuleSet.PYPI
    assert rules_of("pypi", "format", uploading_to(None)) is RuleSet.FORMAT


def test_files_are_read_as_an_index_reads_them(tmp_path: Path) -> None:
    made = make_wheel(tmp_path, "acme-core", "1.0", files={"a.py": "x"}, entry_points="[x]\na = b\n")
    read = read_distribution(made)
    assert (read.kind, read.name, read.size, read.top) == ("wheel", WHEEL, made.stat().st_size, INFO)
    assert f"{INFO}/RECORD" in read.members
    assert read.entry_points == b"[x]\na = b\n"
    assert b"Name: acme-core" in read.metadata
    assert says(read) == []

    made = make_sdist(tmp_path, "acme-core", "1.0", {"a.py": "x" * 50})
    read = read_distribution(made)
    assert (read.kind, read.top) == ("sdist", "acme_core-1.0")
    assert read.members == {f"acme_core-1.0/{name}" for name in ("PKG-INFO", "a.py")}
    assert read.unpacked > 50
    assert says(read) == []


def test_members_that_are_stored_without_their_holes_are_seen(tmp_path: Path) -> None:
    path = tmp_path / SDIST
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("acme_core-1.0/hole")
        member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "3"}
        content = b"1\n0\n3\n" + b"\0" * 506 + b"abc"
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    assert read_distribution(path).sparse
