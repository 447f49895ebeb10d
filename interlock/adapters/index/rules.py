"""The rules by which PyPI refuses uploads, as far as they can be known before one: a dated list with sources.

Each rule is a function of one file that says what is wrong with it, in words of PyPI's kind. Its docstring names the
source: `legacy` is `warehouse/forklift/legacy.py` and `metadata` is `warehouse/forklift/metadata.py`, of pypi/warehouse
at commit 6b62157 (2026-08-21).

What only an upload shows is not here: whether the name is prohibited or too similar to another, whether the project's
total size (10 GiB unless PyPI has granted more) is exceeded, and what PyPI's malware scanner finds.
"""

import configparser
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from interlock.adapters.index import metadata_rules
from interlock.adapters.index.distribution_file import DistributionFile
from interlock.adapters.index.metadata_rules import license_files
from interlock.adapters.index.settings import PYPI, TEST_PYPI, Upload

MIB = 1 << 20
LARGEST_FILE = 100 * MIB
# A zip that unpacks to more than this many bytes may not unpack to more than so many times its own size.
SMALL, MOST_TIMES = 64 * MIB, 50
OPEN_DAYS = 14

_LINUX = "x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64"
_MAC = "ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat64|universal|universal2"
PLATFORMS = re.compile(
    r"any|win32|win_(arm64|amd64|ia64)"
    r"|manylinux(1|2010)_(x86_64|i686)"
    r"|manylinux2014_(x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x)"
    r"|linux_armv[67]l"
    rf"|manylinux_\d+_\d+_({_LINUX}|ppc64)|musllinux_\d+_\d+_({_LINUX})"
    rf"|macosx_10_\d+_({_MAC})|macosx_(11|12|13|14|15|26)_0_({_MAC})"
    r"|ios_\d+_\d+_(arm64|x86_64)_(iphoneos|iphonesimulator)"
    r"|android_\d+_(armeabi_v7a|arm64_v8a|x86|x86_64)"
    r"|pyemscripten_\d+_\d+_wasm32"
)


class RuleSet(StrEnum):
    """Which rules an index has."""

    PYPI = "pypi"
    FORMAT = "format"  # of the file formats alone: what installers need


def rules_of(index: str, setting: str | None, upload: Upload | None) -> RuleSet:
    """The rules that files are held to.

    Args:
        index: The index as the family names it.
        setting: The family's own choice, or None.
        upload: Where files are uploaded to, if that is known.
    """
    if setting is not None:
        return RuleSet(setting)
    is_pypi = index in {PYPI, TEST_PYPI} and not (upload and upload.is_elsewhere)
    return RuleSet.PYPI if is_pypi else RuleSet.FORMAT


class Refusal(NamedTuple):
    """Why an index refuses a file.

    Attributes:
        says: The reason, in words of PyPI's kind.
        hint: What to do about it.
    """

    says: str
    hint: str | None = None


class Rule(NamedTuple):
    """A rule of an index.

    Attributes:
        check: What is wrong with a file, in words; its docstring has the source.
        hint: What to do about it.
    """

    check: Callable[[DistributionFile], Iterable[str]]
    hint: str


def has_its_metadata(file: DistributionFile) -> Iterator[str]:
    """A wheel has METADATA, WHEEL and RECORD in the directory of its name; an sdist PKG-INFO in its only directory.

    Source: PEP 427, PEP 643; legacy, `_is_valid_dist_file` and `file_upload`, read on 2026-11-30.
    """
    if file.kind == "sdist" and not file.top:
        yield "Incorrect number of top-level directories in sdist"
    elif file.kind == "sdist" and not file.metadata:
        yield f"PKG-INFO not found at {file.top}/PKG-INFO"
    elif file.kind == "wheel":
        for name in ("METADATA", "WHEEL", "RECORD"):
            if f"{file.top}/{name}" not in file.members:
                yield f"{name} not found at {file.top}/{name}"


def platform_is_known(file: DistributionFile) -> Iterator[str]:
    """Wheels have a platform tag that says where they run; `linux_x86_64` says nothing about the libraries.

    Source: legacy, `_valid_platform_tag`, read on 2026-11-30; PEP 600, PEP 656.
    """
    tags = parse_wheel_filename(file.name)[3] if file.kind == "wheel" else ()
    for platform in sorted({tag.platform for tag in tags}):
        if not PLATFORMS.fullmatch(platform):
            yield f"Binary wheel {file.name!r} has an unsupported platform tag {platform!r}."


def is_small_enough(file: DistributionFile, largest: int = LARGEST_FILE) -> Iterator[str]:
    """A file has at most 100 MiB, unless PyPI has granted the project more.

    Source: warehouse/constants.py, `MAX_FILESIZE`; legacy, `file_upload`, read on 2026-11-30.
    """
    if file.size > largest:
        yield f"File too large. Limit is {largest // MIB} MB, and it has {file.size / MIB:.1f}."


def unpacks_to_no_bomb(file: DistributionFile) -> Iterator[str]:
    """A zip that unpacks to more than 64 MiB unpacks to at most 50 times its size.

    Source: legacy, `COMPRESSION_RATIO_THRESHOLD`, read on 2026-11-30.
    """
    if not file.name.endswith(".tar.gz") and file.unpacked > SMALL and file.unpacked > MOST_TIMES * file.size:
        yield f"File exceeds compression ratio of {MOST_TIMES}"


def stores_whole_members(file: DistributionFile) -> Iterator[str]:
    """An sdist has no sparse members.

    Source: legacy, `_is_valid_dist_file`, read on 2026-11-30.
    """
    if file.sparse:
        yield "tar archive not accepted: Sparse members are not allowed."


def sdist_is_named_by_pep_625(file: DistributionFile) -> Iterator[str]:
    """An sdist is `name-version.tar.gz`, with name and version in normal form and `_` for `-`.

    Source: PEP 625; legacy, `file_upload`, read on 2026-11-30.
    """
    if file.kind == "sdist":
        name, version = parse_sdist_filename(file.name)
        if file.name != (expected := f"{name.replace('-', '_')}-{version}.tar.gz"):
            yield f"Filename {file.name!r} is invalid, should be {expected!r}."


def wheel_is_named_in_normal_form(file: DistributionFile) -> Iterator[str]:
    """A wheel's name begins with the project's name in normal form, with `_` for `-`.

    Source: binary distribution format, "Escaping and Unicode"; legacy, `file_upload`, read on 2026-11-30.
    """
    if file.kind == "wheel":
        name = file.name.split("-", 1)[0]
        if name != (expected := canonicalize_name(name).replace("-", "_")):
            yield f"Filename {file.name!r} should contain the normalized project name {expected!r}, not {name!r}."


def has_its_license_files(file: DistributionFile) -> Iterator[str]:
    """Every `License-File` is in the file.

    Source: PEP 639; legacy, `file_upload`, read on 2026-11-30.
    """
    folder = f"{file.top}/licenses" if file.kind == "wheel" else file.top
    for name in license_files(file):
        if f"{folder}/{name}" not in file.members:
            yield f"License-File {name} does not exist in distribution file {file.name} at {folder}/{name}"


def entry_points_can_be_read(file: DistributionFile) -> Iterator[str]:
    """`entry_points.txt` is a valid INI file, and the names of its scripts hold no paths.

    Source: warehouse/utils/wheel.py, `validate_entrypoints`, read on 2026-11-30.
    """
    if file.entry_points is None:
        return
    parser = configparser.ConfigParser(delimiters=("=",))
    try:
        parser.read_string(file.entry_points.decode())
        scripts = [name for group in ("console_scripts", "gui_scripts") if group in parser for name in parser[group]]
    except (configparser.Error, UnicodeDecodeError):
        scripts = ["/"]
    if not all(re.fullmatch(r"[\w.-]+", name) for name in scripts):
        yield f"Wheel {file.name!r} has invalid entry points defined in the entry_points.txt file"


ON_PLATFORMS = (
    "PyPI takes manylinux and musllinux wheels: build them with cibuildwheel, or repair this one with auditwheel, in a "
    'workflow of the package\'s own; or publish the sdist alone: files = "sdist" in its table of the family file'
)
METADATA = "fix it in the project's metadata (pyproject.toml, setup.cfg or setup.py)"
TOOLS = "use a newer build backend: require a current one in [build-system]"
RULES: Mapping[RuleSet, tuple[Rule, ...]] = {
    RuleSet.FORMAT: (Rule(has_its_metadata, TOOLS),),
    RuleSet.PYPI: (
        Rule(has_its_metadata, TOOLS),
        Rule(platform_is_known, ON_PLATFORMS),
        Rule(is_small_enough, "make it smaller; if PyPI has granted the project more, write largest_file = MIB"),
        Rule(unpacks_to_no_bomb, "leave out what packs that well, or publish the sdist alone"),
        Rule(stores_whole_members, TOOLS),
        Rule(sdist_is_named_by_pep_625, TOOLS),
        Rule(wheel_is_named_in_normal_form, TOOLS),
        Rule(has_its_license_files, "name only license files that the build packs: license-files in [project]"),
        Rule(entry_points_can_be_read, "fix the scripts and entry points in the project's metadata"),
        Rule(metadata_rules.version_is_known, "PyPI does not take this metadata version yet: use an older backend"),
        Rule(metadata_rules.fields_are_valid, METADATA),
        Rule(metadata_rules.version_is_public, "release a version without a local part"),
        Rule(metadata_rules.summary_is_short, METADATA),
        Rule(metadata_rules.addresses_are_valid, METADATA),
        Rule(metadata_rules.classifiers_are_known, f"{METADATA}; {metadata_rules.CLASSIFIERS}"),
        Rule(metadata_rules.urls_are_valid, METADATA),
        Rule(metadata_rules.requirements_have_no_url, "require a release: PyPI takes no direct references"),
        Rule(metadata_rules.license_is_said_once, METADATA),
    ),
}


def refusals(file: DistributionFile, rules: RuleSet, *, largest: int = LARGEST_FILE) -> tuple[Refusal, ...]:
    """Why an index with these rules would refuse a file; empty when it takes it.

    Args:
        file: The file.
        rules: The rules of the index.
        largest: What the project's files may have, in bytes, where PyPI has granted it more.
    """
    found: list[Refusal] = []
    for rule in RULES[rules]:
        check = partial(is_small_enough, largest=largest) if rule.check is is_small_enough else rule.check
        found += [Refusal(says, rule.hint) for says in check(file)]
    return tuple(found)


def release_is_open(first_upload: datetime | None, at: datetime) -> Iterator[str]:
    """A release takes new files for 14 days after its first one.

    Source: legacy, `MAXIMUM_AGE_FOR_NEW_UPLOADS_DAYS`, in force since 2026-07-08 (warehouse#19727), read on 2026-11-30.
    """
    if first_upload is not None and at - first_upload > timedelta(days=OPEN_DAYS):
        yield f"Uploading new files to releases older than {OPEN_DAYS} days is not allowed."


def project_is_active(status: str | None) -> Iterator[str]:
    """An archived project takes no uploads, and a quarantined one is not served; a deprecated one takes them.

    Source: PEP 792; warehouse/packaging/models.py, `Project.__acl__`, read on 2026-11-30.
    """
    if status in {"archived", "quarantined"}:
        yield f"The project is {status}, and takes no new files."


def has_no_other_sdist(name: str, there: Collection[str]) -> Iterator[str]:
    """A release has one sdist.

    Source: legacy, `file_upload`, read on 2026-11-30.
    """
    if not name.endswith(".whl") and any(not other.endswith(".whl") and other != name for other in there):
        yield "Only one sdist may be uploaded per release."
