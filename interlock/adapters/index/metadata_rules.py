"""The rules of PyPI for a file's metadata; `rules` has the list of all rules, and says where each comes from."""

import email.utils
import importlib.metadata
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version
from trove_classifiers import all_classifiers, deprecated_classifiers

from interlock.adapters.distributions import LONGEST_REQUIREMENT, MOST_REQUIREMENTS
from interlock.adapters.index.distribution_file import DistributionFile

VERSION_FIELD = "metadata-version"  # it has a rule of its own
VERSIONS = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5")
WITHOUT_LICENSE_FILES = VERSIONS[: VERSIONS.index("2.4")]
LONGEST_SUMMARY, LONGEST_LABEL = 512, 32
# Domains that no mail can reach (RFC 6761); PyPI's validator of addresses refuses them.
NOWHERE = frozenset({"test", "local", "localhost", "invalid", "onion"})
# What packaging can raise for texts that no tool writes: numbers of thousands of digits, brackets without end.
ODD = (ValueError, RuntimeError, MemoryError, SyntaxError)
UNKNOWN = "UNKNOWN"  # what older tools write where nothing is
# Of a value that is quoted.
LONGEST = 200
CLASSIFIERS = f"the list of classifiers is that of trove-classifiers {importlib.metadata.version('trove-classifiers')}"


class Parsed(NamedTuple):
    """Parsed metadata.

    Attributes:
        raw: The fields as they stand.
        wrong: What is invalid by the specification of core metadata, in words.
    """

    raw: RawMetadata
    wrong: tuple[str, ...]


@lru_cache(maxsize=8)
def parsed(metadata: bytes) -> Parsed:
    """The fields of METADATA or PKG-INFO, and what is wrong with them.

    Older setuptools writes License-File under metadata versions that don't have it; twine leaves it out (its
    `package.py`, read on 2026-11-30).
    """
    raw, unparsed = parse_email(metadata)
    if raw.get("metadata_version", "") in WITHOUT_LICENSE_FILES:
        raw.pop("license_files", None)
    wrong = [f"{_short(name)!r} is unknown or has invalid data" for name in sorted(unparsed)]
    requires = raw.get("requires_dist", [])
    if len(requires) > MOST_REQUIREMENTS or any(len(each) > LONGEST_REQUIREMENT for each in requires):
        return Parsed(RawMetadata(), ("'requires-dist' is longer than can be read",))
    try:
        Metadata.from_raw(raw)
    except ExceptionGroup as group:
        wrong += [_short(str(error)) for error in group.exceptions if getattr(error, "field", "") != VERSION_FIELD]
    except ODD as error:
        wrong.append(_short(f"the metadata can't be read: {error}"))
    return Parsed(raw, tuple(wrong))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def license_files(file: DistributionFile) -> tuple[str, ...]:
    """The paths of its license files, as its metadata names them."""
    return tuple(parsed(file.metadata).raw.get("license_files", ()))


def version_is_known(file: DistributionFile) -> Iterator[str]:
    """PyPI takes these metadata versions: 1.0, 1.1, 1.2 and 2.1 to 2.5.

    Source: metadata, `SUPPORTED_METADATA_VERSIONS`, read on 2026-11-30.
    """
    if file.metadata and (given := parsed(file.metadata).raw.get("metadata_version", "")) not in VERSIONS:
        yield f"{_short(given)!r} is not a valid metadata version."


def fields_are_valid(file: DistributionFile) -> Iterator[str]:
    """Each field is as core metadata specifies it: name, version, a summary of one line, content type, licence.

    Source: metadata, `parse` with packaging.metadata, read on 2026-11-30; PEP 566, 639, 643.
    """
    yield from parsed(file.metadata).wrong if file.metadata else ()


def version_is_public(file: DistributionFile) -> Iterator[str]:
    """A version has no local part.

    Source: metadata, `_validate_metadata`, read on 2026-11-30; PEP 440.
    """
    text = parsed(file.metadata).raw.get("version", "")
    try:
        local = Version(text).local
    except (InvalidVersion, *ODD):
        return
    if local:
        yield f"The use of local versions in {_short(text)!r} is not allowed."


def summary_is_short(file: DistributionFile) -> Iterator[str]:
    """A summary has at most 512 characters.

    Source: metadata, `_LENGTH_LIMITS`, read on 2026-11-30.
    """
    if len(parsed(file.metadata).raw.get("summary", "")) > LONGEST_SUMMARY:
        yield f"'summary' field must be {LONGEST_SUMMARY} characters or less."


def addresses_are_valid(file: DistributionFile) -> Iterator[str]:
    """The first address of author and maintainer is one that mail could reach.

    PyPI's validator knows more ways to be wrong; here are those that are certain.

    Source: metadata, `_validate_metadata` with email-validator, read on 2026-11-30.
    """
    raw = parsed(file.metadata).raw
    for given in (raw.get("author_email"), raw.get("maintainer_email")):
        _, address = email.utils.parseaddr(given or "")
        if address and not _is_address(address):
            yield f"{_short(address)!r} is not a valid email address."


def _is_address(address: str) -> bool:
    local, _, domain = address.rpartition("@")
    labels = domain.split(".")
    return bool(local) and len(labels) > 1 and all(labels) and labels[-1].lower() not in NOWHERE


def classifiers_are_known(file: DistributionFile) -> Iterator[str]:
    """Classifiers are those of PyPI's list, and none that it has replaced; `Private :: …` is none of them.

    Source: metadata, `_validate_metadata` with trove-classifiers, read on 2026-11-30.
    """
    given = set(parsed(file.metadata).raw.get("classifiers", []))
    for unknown in sorted(given - set(all_classifiers)):
        yield f"{_short(unknown)!r} is not a valid classifier."
    for old in sorted(given & deprecated_classifiers.keys()):
        use = ", ".join(deprecated_classifiers[old])
        yield f"The classifier {old!r} has been deprecated{f', use one of {use} instead' if use else ''}."


def urls_are_valid(file: DistributionFile) -> Iterator[str]:
    """URLs are http or https; the label of each of Project-URL has 1 to 32 characters.

    Source: metadata, `_validate_metadata` with `is_valid_uri`, read on 2026-11-30.
    """
    raw = parsed(file.metadata).raw
    for url in (raw.get("home_page", UNKNOWN), raw.get("download_url", UNKNOWN)):
        if url != UNKNOWN and not _is_url(url):
            yield f"{_short(url)!r} is not a valid url."
    for label, url in raw.get("project_urls", {}).items():
        if not label:
            yield "'project-url' Must have a label"
        elif len(label) > LONGEST_LABEL:
            yield f"{_short(label)!r} must be {LONGEST_LABEL} characters or less."
        elif not url:
            yield "'project-url' Must have a URL"
        elif not _is_url(url):
            yield f"{_short(url)!r} is not a valid url"


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and not re.search(r"[\s<>\"{}|\\^`]", url)


def requirements_have_no_url(file: DistributionFile) -> Iterator[str]:
    """No requirement is a direct reference, as `name @ https://…`.

    Source: metadata, `_validate_metadata`, read on 2026-11-30; PEP 440, "Direct references".
    """
    raw = parsed(file.metadata).raw
    for line in (*raw.get("requires_dist", []), *raw.get("provides_dist", []), *raw.get("obsoletes_dist", [])):
        try:
            is_direct = Requirement(line).url is not None
        except (InvalidRequirement, *ODD):
            continue
        if is_direct:
            yield f"Can't have direct dependency: {_short(line)}"


def license_is_said_once(file: DistributionFile) -> Iterator[str]:
    """License and License-Expression exclude each other.

    Source: metadata, `_validate_metadata`, read on 2026-11-30; PEP 639.
    """
    raw = parsed(file.metadata).raw
    if raw.get("license") and raw.get("license_expression"):
        yield "License is deprecated when License-Expression is present."


def description_renders(file: DistributionFile) -> Iterator[str]:
    """A description in reStructuredText, which is the default, can be rendered; a project without one is fine.

    The release asks twine, which renders in a process of its own. Markdown and plain text always render.

    Source: legacy, `file_upload` with readme-renderer, read on 2026-11-30.
    """
    from readme_renderer import rst  # noqa: PLC0415  half a second that most uploads don't need

    raw = parsed(file.metadata).raw
    text, given = raw.get("description", ""), raw.get("description_content_type", "")
    if text.strip() in {"", UNKNOWN} or given.partition(";")[0].strip().lower() not in {"", "text/x-rst"}:
        return
    if rst.render(text) is None:
        how = f"for {given!r}" if given else "in the default format of reStructuredText"
        yield f"The description failed to render {how}."
